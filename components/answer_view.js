// Draws the answer with textContent only; rows that did not change keep their nodes, so nothing jumps while it grows.
const SVG = "http://www.w3.org/2000/svg"
const CIRCLE = { circle: { class: "ring", cx: 9, cy: 9, r: 7.6 } }
const MARKS = {
  supported: [CIRCLE, { path: { d: "M5.6 9.3l2.3 2.3 4.5-4.9" } }],
  weak: [{ path: { d: "M9 2L16.6 15.6H1.4Z" } }, { path: { d: "M9 7v4M9 13.2v.2" } }],
  not_supported: [CIRCLE, { path: { d: "M6.4 6.4l5.2 5.2M11.6 6.4l-5.2 5.2" } }],
  unchecked: [CIRCLE],
}
const views = new WeakMap()

function node(tag, attributes, ...children) {
  const made = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes || {})) made.setAttribute(name, value)
  made.append(...children)
  return made
}

function drawing(attributes, shapes) {
  const svg = document.createElementNS(SVG, "svg")
  for (const [name, value] of Object.entries(attributes)) svg.setAttribute(name, value)
  for (const shape of shapes) {
    const [tag, its] = Object.entries(shape)[0]
    const made = document.createElementNS(SVG, tag)
    for (const [name, value] of Object.entries(its)) made.setAttribute(name, value)
    svg.append(made)
  }
  return svg
}

function line(fact, arrow) {
  const stroke = { stroke: "currentColor", "stroke-width": 1.5 }
  const shapes = [{ line: { x1: 0, y1: 5, x2: arrow ? 13 : 16, y2: 5, "stroke-dasharray": fact.line, ...stroke } }]
  if (arrow) shapes.push({ path: { d: "M12 1l8 4-8 4z", fill: "currentColor" } })
  return drawing({ class: arrow ? "to" : "from", viewBox: `0 0 ${arrow ? 20 : 16} 10`, "aria-hidden": "true" }, shapes)
}

function factNode(fact) {
  const link = node("span", { class: `link ${fact.colour}` }, line(fact, false), fact.relation, line(fact, true))
  return node("span", { class: "fact" },
    node("span", { class: "pill" }, fact.subject), link, node("span", { class: "pill" }, fact.object))
}

function opener(view, number, place, attributes, text) {
  const button = node("button", { type: "button", "aria-label": `Show source ${number}`, ...attributes }, text)
  button.dataset.number = number
  button.dataset.place = place
  button.onclick = () => { press(view, number); view.open(number) }
  return button
}

function press(view, shown) {
  for (const button of view.root.querySelectorAll("[data-number]"))
    button.setAttribute("aria-pressed", String(Number(button.dataset.number) === shown))
}

function sentenceRow(view, sentence, place) {
  const mark = drawing({ class: "mark", viewBox: "0 0 18 18", role: "img", "aria-label": sentence.word },
    MARKS[sentence.verdict])
  const body = node("div")
  const said = sentence.fact ? factNode(sentence.fact) : node("span", { class: "text" }, sentence.text)
  body.append(said)
  if (sentence.citations.length) {
    const chips = node("span", { class: "chips" })
    sentence.citations.forEach((number) =>
      chips.append(opener(view, number, `${place} ${number}`, { class: "chip" }, String(number))))
    if (sentence.fact) said.append(chips)
    else body.append(" ", chips)
  }
  if (sentence.verdict !== "supported") {
    const why = node("span", { class: "why" }, node("strong", {}, `${sentence.word}.`))
    if (sentence.reason) why.append(" ", sentence.reason)
    body.append(why)
  }
  return node("li", { class: `${sentence.verdict}${sentence.fact ? " stated" : ""}` }, mark, body)
}

function factRow(view, fact, index) {
  const source = opener(view, fact.citation, `fact ${index}`, { class: "source" }, `[${fact.citation}]`)
  return node("li", {}, factNode(fact), source)
}

function fill(list, items, makeRow) {
  items.forEach((item, index) => {
    const signature = JSON.stringify(item)
    const there = list.children[index]
    if (there && there.signature === signature) return
    const row = makeRow(item, index)
    row.signature = signature
    if (there) there.replaceWith(row)
    else list.append(row)
  })
  while (list.children.length > items.length) list.lastElementChild.remove()
}

function build(root) {
  const copyIcon = drawing({ viewBox: "0 0 16 16", "aria-hidden": "true" },
    [{ rect: { x: 5.5, y: 1.5, width: 8, height: 10, rx: 1 } }, { path: { d: "M2.5 4.5v10h8" } }])
  const view = {
    root,
    sentences: node("ol", { class: "sentences", "aria-label": "Answer" }),
    actions: node("div", { class: "actions" }),
    label: node("span", {}, "Copy"),
    beside: node("h2", {}, "Quoted from the documents"),
    quoted: node("ol", { class: "sentences", "aria-label": "Quoted sentences" }),
    heading: node("h2", {}, "Facts used"),
    facts: node("ul", { class: "facts" }),
    status: node("span", { class: "spoken", role: "status" }),
  }
  view.copy = node("button", { type: "button", class: "copy" }, copyIcon, view.label)
  view.actions.append(view.copy)
  root.append(view.sentences, view.actions, view.beside, view.quoted, view.heading, view.facts, view.status)
  return view
}

async function copyText(view, text) {
  try {
    await navigator.clipboard.writeText(text)
    view.label.textContent = "Copied"
  } catch {
    view.label.textContent = "This browser does not let pages copy"
  }
  view.status.textContent = view.label.textContent
  clearTimeout(view.timer)
  view.timer = setTimeout(() => { view.label.textContent = "Copy" }, 2000)
}

export default function (component) {
  const { data, parentElement, setTriggerValue } = component
  const root = parentElement.querySelector(".part")
  if (!root || !data) return
  let view = views.get(parentElement)
  if (!view || view.root !== root) {
    root.replaceChildren()
    view = build(root)
    views.set(parentElement, view)
  }
  view.open = (number) => setTriggerValue("opened", number)
  const focused = root.getRootNode().activeElement
  const place = focused && root.contains(focused) ? focused.dataset.place : undefined
  root.classList.toggle("growing", data.growing)
  view.sentences.setAttribute("aria-busy", String(data.growing))
  fill(view.sentences, data.sentences, (item, index) => sentenceRow(view, item, `answer ${index}`))
  fill(view.quoted, data.quoted, (item, index) => sentenceRow(view, item, `quoted ${index}`))
  fill(view.facts, data.facts, (item, index) => factRow(view, item, index))
  view.heading.hidden = data.facts.length === 0
  view.beside.hidden = view.quoted.hidden = data.quoted.length === 0
  view.actions.hidden = !data.copy || !navigator.clipboard
  view.copy.onclick = () => copyText(view, data.copy)
  press(view, data.shown)
  if (place) {
    const again = [...root.querySelectorAll("[data-place]")].find((one) => one.dataset.place === place)
    if (again && again !== root.getRootNode().activeElement) again.focus()
  }
  return () => { clearTimeout(view.timer); views.delete(parentElement) }
}
