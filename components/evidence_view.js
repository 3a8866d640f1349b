// Draws a quote and where it stands: the page's image with boxes, or the text with a mark. textContent only.
const SVG = "http://www.w3.org/2000/svg"
const ICONS = {
  previous: "M9.5 4.5L6 8l3.5 3.5",
  next: "M6.5 4.5L10 8l-3.5 3.5",
  whole: "M9 3h4v4M13 3L9.2 6.8M7 13H3V9M3 13l3.8-3.8",
}
const HIDDEN = "Hidden in the file"
const views = new WeakMap()

function node(tag, attributes, ...children) {
  const made = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes || {})) made.setAttribute(name, value)
  made.append(...children)
  return made
}

function iconButton(icon, label, press) {
  const svg = document.createElementNS(SVG, "svg")
  svg.setAttribute("viewBox", "0 0 16 16")
  svg.setAttribute("aria-hidden", "true")
  const path = document.createElementNS(SVG, "path")
  path.setAttribute("d", ICONS[icon])
  svg.append(path)
  const button = node("button", { type: "button", "aria-label": label, title: label }, svg)
  button.disabled = !press
  button.dataset.place = icon
  button.onclick = press
  return button
}

function heading(data, send) {
  const { title, place, previous, next } = data.heading
  const words = node("div", { class: "words" }, node("p", { class: "title" }, title), node("p", { class: "place" }, place))
  const step = (number) => (number === null ? null : () => send("step", number))
  const buttons = node("div", { class: "buttons" },
    iconButton("previous", "Previous source", step(previous)),
    iconButton("next", "Next source", step(next)),
    iconButton("whole", "Open the page", () => send("whole", true)))
  return node("div", { class: "heading" }, words, buttons)
}

function sheet(data) {
  const image = node("img", { alt: data.image_label })
  image.src = data.image
  const made = node("div", { class: "sheet" }, image)
  if (!data.whole) {
    made.style.width = `${data.sheet.width * 100}%`
    made.style.marginLeft = `${data.sheet.left * 100}%`
  }
  for (const edges of data.boxes) made.append(placed(edges, node("div", { class: "box", "aria-hidden": "true" })))
  for (const boxes of data.concealed) {
    boxes.forEach((edges, line) => {
      const label = line ? [] : [node("span", { class: "label" }, HIDDEN)]
      made.append(placed(edges, node("div", { class: "unseen", title: HIDDEN }, ...label)))
    })
  }
  return made
}

function placed([left, top, right, bottom], box) {
  box.style.left = `${left * 100}%`
  box.style.top = `${top * 100}%`
  box.style.width = `${(right - left) * 100}%`
  box.style.height = `${(bottom - top) * 100}%`
  return box
}

function stretch({ text, hidden }) {
  return hidden ? node("span", { class: "concealed" }, node("span", { class: "label" }, HIDDEN), text) : text
}

function scrollToQuote(page) {
  const place = page.querySelector(".box, mark")
  if (!place) return
  const from = place.getBoundingClientRect().top - page.getBoundingClientRect().top + page.scrollTop
  page.scrollTop = Math.max(0, from - page.clientHeight / 3)
}

function draw(root, data, send) {
  root.replaceChildren()
  if (data.heading) root.append(heading(data, send))
  if (data.quote) root.append(node("p", { class: "quote" }, `“${data.quote}”`))
  if (data.notice) root.append(node("p", { class: "notice", role: "note" }, data.notice))
  const kind = data.image ? "image" : "words"
  const page = node("div", { class: `page ${kind}${data.whole ? " whole" : ""}`, role: "region", tabindex: "0",
    "aria-label": data.region })
  if (data.image) {
    page.append(sheet(data))
    const image = page.querySelector("img")
    if (image.complete) requestAnimationFrame(() => scrollToQuote(page))
    image.onload = () => scrollToQuote(page)
  } else {
    const words = node("div", { class: "text" }, ...data.before.map(stretch))
    if (data.marked) words.append(node("mark", {}, data.marked))
    words.append(...data.after.map(stretch))
    page.append(words)
    requestAnimationFrame(() => scrollToQuote(page))
  }
  root.append(page)
}

export default function (component) {
  const { data, parentElement, setTriggerValue } = component
  const root = parentElement.querySelector(".part")
  if (!root || !data) return
  const drawn = views.get(parentElement)
  if (drawn && drawn.root === root && drawn.signature === data.signature) return
  views.set(parentElement, { root, signature: data.signature })
  const focused = root.getRootNode().activeElement
  const place = focused && root.contains(focused) ? focused.dataset.place : undefined
  draw(root, data, setTriggerValue)
  const again = place && [...root.querySelectorAll("[data-place]")].find((one) => one.dataset.place === place)
  if (again) again.focus()
  return () => views.delete(parentElement)
}
