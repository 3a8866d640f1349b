// Draws the facts an answer used; positions come from the server, names and relations are text nodes.
const SVG = "http://www.w3.org/2000/svg"
const SHAPES = {
  dot: ["circle", { r: 6.5 }],
  square: ["rect", { x: -6, y: -6, width: 12, height: 12 }],
  diamond: ["path", { d: "M0 -8l8 8-8 8-8-8z" }],
  triangle: ["path", { d: "M0 -7l7.5 13h-15z" }],
  triangleDown: ["path", { d: "M0 7l-7.5-13h15z" }],
  hexagon: ["path", { d: "M-7.5 0l3.6-6.4h7.8L7.5 0 3.9 6.4h-7.8z" }],
  star: ["path", { d: "M0 -8l2.2 5.2 5.8.4-4.4 3.7 1.4 5.6L0 4.2l-5 2.7 1.4-5.6L-8-2.4l5.8-.4z" }],
}
const LABELS = { left: [-14, 4.5, "end"], right: [14, 4.5, "start"], below: [0, 23, "middle"] }

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

function entityShape(colours, look, x, y) {
  const [tag, attributes] = SHAPES[look.shape]
  return shape(tag, { ...attributes, transform: `translate(${x} ${y})`, fill: colours[look.colour] || "currentColor" })
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
    svg.append(entityShape(colours, entity, entity.x, entity.y))
    const [right, down, anchor] = LABELS[entity.side]
    const text = shape("text", { x: entity.x + right, y: entity.y + down, "text-anchor": anchor },
      shortened(entity.name, 19))
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
  data.types.forEach((type) => {
    const item = document.createElement("li")
    const svg = shape("svg", { viewBox: "0 0 20 20", "aria-hidden": "true" })
    svg.append(entityShape(colours, type, 10, 10))
    item.append(svg, type.word)
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
