// Draws the facts an answer used; positions come from the server, names and relations are text nodes.
const SVG = "http://www.w3.org/2000/svg"
const SHAPES = [
  (x, y) => ["circle", { cx: x, cy: y, r: 7 }],
  (x, y) => ["rect", { x: x - 6.5, y: y - 6.5, width: 13, height: 13 }],
  (x, y) => ["path", { d: `M${x} ${y - 8.5}l8.5 8.5-8.5 8.5-8.5-8.5z` }],
  (x, y) => ["path", { d: `M${x} ${y - 8}l8 14.5h-16z` }],
  (x, y) => ["path", { d: `M${x - 8} ${y}l4-7h8l4 7-4 7h-8z` }],
]

function shape(tag, attributes, text) {
  const made = document.createElementNS(SVG, tag)
  for (const [name, value] of Object.entries(attributes || {})) made.setAttribute(name, value)
  if (text !== undefined) made.textContent = text
  return made
}

function shortened(text, most) {
  return text.length > most ? `${text.slice(0, most - 1).trimEnd()}…` : text
}

function titled(element, full) {
  element.append(shape("title", {}, full))
  return element
}

function entityShape(colours, type, x, y) {
  const [tag, attributes] = SHAPES[type % SHAPES.length](x, y)
  return shape(tag, { ...attributes, fill: colours[type % colours.length] || "currentColor" })
}

function edgeGroup(edge) {
  const [x1, y1] = edge.from
  const [x2, y2] = edge.to
  const length = Math.hypot(x2 - x1, y2 - y1) || 1
  const across = [-(y2 - y1) / length, (x2 - x1) / length]
  const side = x2 > x1 || (x2 === x1 && y2 > y1) ? 1 : -1
  const vertical = x1 === x2 ? 26 : 0
  const bend = side * (edge.bow * 30 + vertical)
  const middle = [(x1 + x2) / 2 + across[0] * bend, (y1 + y2) / 2 + across[1] * bend]
  const control = [2 * middle[0] - (x1 + x2) / 2, 2 * middle[1] - (y1 + y2) / 2]
  const group = shape("g", { class: edge.colour })
  const towards = [x2 - control[0], y2 - control[1]]
  const size = Math.hypot(...towards) || 1
  const tip = [x2 - (towards[0] / size) * 11, y2 - (towards[1] / size) * 11]
  const d = `M${x1} ${y1}Q${control[0]} ${control[1]} ${tip[0]} ${tip[1]}`
  group.append(shape("path", { class: "edge", d, "stroke-dasharray": edge.line }))
  const turn = (Math.atan2(towards[1], towards[0]) * 180) / Math.PI
  group.append(shape("path", { class: "arrow", d: "M-8 -4.5L0 0L-8 4.5z",
    transform: `translate(${tip[0]} ${tip[1]}) rotate(${turn})` }))
  return [group, middle]
}

function draw(root, data, colours) {
  const svg = shape("svg", { class: "graph", role: "img", "aria-label": data.label, width: data.width,
    height: data.height, viewBox: `0 0 ${data.width} ${data.height}` })
  for (const column of data.columns) svg.append(shape("text", { class: "column", x: column.x, y: 18 }, column.text))
  const labels = []
  for (const edge of data.edges) {
    const [group, middle] = edgeGroup(edge)
    svg.append(group)
    const holder = shape("g", { class: edge.colour })
    const text = shape("text", { class: "relation", x: middle[0], y: middle[1] - 4 }, shortened(edge.relation, 20))
    holder.append(titled(text, edge.relation))
    labels.push(holder)
  }
  for (const entity of data.entities) {
    svg.append(entityShape(colours, entity.type, entity.x, entity.y))
    const text = shape("text", { x: entity.x, y: entity.y + 23 }, shortened(entity.name, 18))
    labels.push(titled(text, `${entity.name} (${entity.kind})`))
  }
  svg.append(...labels)
  const scroller = document.createElement("div")
  scroller.className = "scroller"
  scroller.append(svg)
  root.replaceChildren(scroller, legend(data, colours))
  if (scroller.scrollWidth > scroller.clientWidth) {
    scroller.tabIndex = 0
    scroller.setAttribute("role", "region")
    scroller.setAttribute("aria-label", "Drawing of the facts, scrolls sideways")
  }
}

function legend(data, colours) {
  const list = document.createElement("ul")
  list.className = "legend"
  data.types.forEach((type, index) => {
    const item = document.createElement("li")
    const svg = shape("svg", { viewBox: "0 0 20 20", "aria-hidden": "true" })
    svg.append(entityShape(colours, index, 10, 10))
    item.append(svg, type)
    list.append(item)
  })
  return list
}

export default function (component) {
  const { data, parentElement } = component
  const root = parentElement.querySelector(".part")
  if (!root || !data) return
  const palette = getComputedStyle(root).getPropertyValue("--st-chart-categorical-colors")
  draw(root, data, palette.split(",").map((one) => one.trim()).filter(Boolean))
}
