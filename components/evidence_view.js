// Draws a quote and where it stands: the page's image with boxes, or the text with a mark. textContent only.
const views = new WeakMap()

function node(tag, attributes, ...children) {
  const made = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes || {})) made.setAttribute(name, value)
  made.append(...children)
  return made
}

function sheet(data) {
  const image = node("img", { alt: data.image_label })
  image.src = data.image
  const made = node("div", { class: "sheet" }, image)
  for (const [left, top, right, bottom] of data.boxes) {
    const box = node("div", { class: "box", "aria-hidden": "true" })
    box.style.left = `${left * 100}%`
    box.style.top = `${top * 100}%`
    box.style.width = `${(right - left) * 100}%`
    box.style.height = `${(bottom - top) * 100}%`
    made.append(box)
  }
  return made
}

function scrollToQuote(page) {
  const place = page.querySelector(".box, mark")
  if (!place) return
  const from = place.getBoundingClientRect().top - page.getBoundingClientRect().top + page.scrollTop
  page.scrollTop = Math.max(0, from - page.clientHeight / 3)
}

function draw(root, data) {
  root.replaceChildren()
  if (data.quote) root.append(node("p", { class: "quote" }, `“${data.quote}”`))
  const kind = data.image ? "image" : "words"
  const page = node("div", { class: `page ${kind}${data.whole ? " whole" : ""}`, role: "region", tabindex: "0",
    "aria-label": data.region })
  if (data.image) {
    page.append(sheet(data))
    const image = page.querySelector("img")
    if (image.complete) requestAnimationFrame(() => scrollToQuote(page))
    image.onload = () => scrollToQuote(page)
  } else {
    const words = node("div", { class: "text" }, data.before)
    if (data.marked) words.append(node("mark", {}, data.marked))
    words.append(data.after)
    page.append(words)
    requestAnimationFrame(() => scrollToQuote(page))
  }
  root.append(page)
}

export default function (component) {
  const { data, parentElement } = component
  const root = parentElement.querySelector(".part")
  if (!root || !data) return
  const drawn = views.get(parentElement)
  if (drawn && drawn.root === root && drawn.signature === data.signature) return
  views.set(parentElement, { root, signature: data.signature })
  draw(root, data)
  return () => views.delete(parentElement)
}
