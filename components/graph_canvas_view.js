// Draws entities and facts with vis-network; places come from the server, every text is a text node or canvas text.
const drawings = new WeakMap()
const SVG = "http://www.w3.org/2000/svg"
const SIZE = 9
const ALONG = [0.5, 0.6, 0.4, 0.7, 0.3, 0.78]
const SHAPES = {
  dot: ["circle", { cx: 8, cy: 8, r: 6 }],
  square: ["rect", { x: 2.5, y: 2.5, width: 11, height: 11 }],
  diamond: ["path", { d: "M8 1l7 7-7 7-7-7z" }],
  triangle: ["path", { d: "M8 2l7 12H1z" }],
  triangleDown: ["path", { d: "M8 14L1 2h14z" }],
  hexagon: ["path", { d: "M1.5 8L4.8 2.4h6.4L14.5 8l-3.3 5.6H4.8z" }],
  star: ["path", { d: "M8 1l2 4.8 5.2.4-4 3.4 1.3 5.1L8 12l-4.5 2.7 1.3-5.1-4-3.4 5.2-.4z" }],
}
let loading

function library(address) {
  loading ||= import(new URL(address, document.baseURI).href).then(() => globalThis.vis)
  loading.catch(() => { loading = undefined })
  return loading
}

function made(tag, attributes, ...children) {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes || {})) element.setAttribute(name, value)
  element.append(...children)
  return element
}

function drawn(tag, attributes) {
  const element = document.createElementNS(SVG, tag)
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value)
  return element
}

function colours(root) {
  const style = getComputedStyle(root)
  const read = (name) => style.getPropertyValue(name).trim()
  const lines = {}
  for (const name of ["gray", "red", "orange", "violet", "blue"]) {
    lines[name] = { line: read(`--st-${name}-color`), text: read(`--st-${name}-text-color`) }
  }
  const palette = read("--st-chart-categorical-colors").split(",").map((one) => one.trim())
  return { lines, palette, page: read("--st-background-color"), text: read("--st-text-color"), font: read("--st-font") }
}

// ---- words below the canvas

function legend(data, theme) {
  const list = made("ul", { class: "legend" })
  for (const type of data.types) {
    const [tag, attributes] = SHAPES[type.shape]
    const svg = drawn("svg", { viewBox: "0 0 16 16", width: 14, height: 14, "aria-hidden": "true" })
    svg.append(drawn(tag, { ...attributes, fill: theme.palette[type.colour] || theme.text }))
    list.append(made("li", {}, svg, type.word))
  }
  for (const style of data.styles) {
    const svg = drawn("svg", { viewBox: "0 0 26 4", width: 26, height: 4, "aria-hidden": "true" })
    svg.append(drawn("path", { d: "M0 2h26", stroke: theme.lines[style.colour].line, "stroke-width": 2,
      "stroke-dasharray": style.line }))
    list.append(made("li", {}, svg, style.word))
  }
  const words = made("div", {}, list)
  if (data.note) words.append(made("p", {}, data.note))
  return words
}

function button(label, sign, act) {
  const element = made("button", { type: "button", "aria-label": label, title: label }, sign)
  element.onclick = act
  return element
}

function foot(state, data, theme) {
  const zoom = (factor) => () => state.network?.moveTo({ scale: state.network.getScale() * factor, animation: calm() })
  const buttons = made("div", { class: "zoom", role: "group", "aria-label": "Zoom" },
    button("Zoom in", "+", zoom(1.4)), button("Zoom out", "−", zoom(1 / 1.4)),
    button("Show all", "⤢", () => fit(state)))
  state.foot.replaceChildren(legend(data, theme), buttons)
}

function calm() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches ? false : { duration: 250, easingFunction: "easeOutQuad" }
}

// Where the view has to stand so that every entity is in it with its name.
function view(state) {
  const places = state.network ? Object.values(state.network.getPositions()) : state.nodes
  const across = places.map((one) => one.x)
  const down = places.map((one) => one.y)
  const box = [Math.min(...across), Math.min(...down), Math.max(...across), Math.max(...down)]
  const free = [state.canvas.clientWidth - 130, state.canvas.clientHeight - 64]
  const scale = Math.min(1, free[0] / Math.max(box[2] - box[0], 1), free[1] / Math.max(box[3] - box[1], 1))
  return { scale, position: { x: (box[0] + box[2]) / 2, y: (box[1] + box[3]) / 2 + 8 / scale } }
}

function fit(state, animation = calm()) {
  if (state.nodes.length) state.network?.moveTo({ ...view(state), animation })
}

// ---- vis-network

function tip(text) {
  const element = made("div", { class: "tip" })
  element.textContent = text
  return element
}

function sizeOf(node, unit) {
  return SIZE * unit * (node.central ? 1.4 : 1)
}

function visNode(node, theme, unit) {
  const colour = theme.palette[node.colour] || theme.text
  return {
    id: node.id, x: node.x, y: node.y, shape: node.shape, size: sizeOf(node, unit), title: tip(node.title),
    borderWidth: 0, borderWidthSelected: 3,
    color: { background: colour, border: colour, highlight: { background: colour, border: theme.text },
      hover: { background: colour, border: colour } },
  }
}

function visEdge(edge, theme, unit) {
  const { line } = theme.lines[edge.colour]
  const dashes = edge.line ? edge.line.split(" ").map((one) => Number(one) * unit) : false
  return {
    id: edge.id, from: edge.from, to: edge.to, title: tip(edge.title), dashes,
    color: { color: line, highlight: line, hover: line, inherit: false },
    smooth: edge.bow ? { enabled: true, type: "curvedCW", roundness: 0.22 * edge.bow } : false,
    selfReference: { size: 16 * unit, angle: Math.PI / 4 },
  }
}

function options(data, unit) {
  const many = data.edges.length > 250
  return {
    autoResize: true,
    physics: false,
    layout: { improvedLayout: false, randomSeed: 1 },
    nodes: { chosen: true },
    edges: { width: 1.2 * unit, selectionWidth: 1.8 * unit, hoverWidth: 0.6 * unit,
      arrows: { to: { enabled: true, scaleFactor: 0.42 * unit } } },
    interaction: { hover: true, tooltipDelay: 350, selectConnectedEdges: false, hoverConnectedEdges: false,
      hideEdgesOnDrag: many, hideEdgesOnZoom: many, zoomSpeed: 0.6,
      keyboard: { enabled: true, bindToWindow: false, autoFocus: false } },
  }
}

// Names keep their size on the screen. Where two would cover each other, the first in the order keeps its own: what is
// chosen, then entities with many facts, then facts that are not plainly stated, then the others.
function paintNames(state, context) {
  const { network, theme } = state
  const scale = network.getScale()
  const places = network.getPositions()
  const first = new Set([state.hovered, ...network.getSelectedNodes(), ...network.getSelectedEdges()])
  const taken = []
  const meet = (a, b) => a[0] < b[2] && a[2] > b[0] && a[1] < b[3] && a[3] > b[1]
  const free = (box) => !taken.some((one) => meet(box, one))
  const covered = (box) => taken.reduce((sum, one) => {
    const across = Math.min(box[2], one[2]) - Math.max(box[0], one[0])
    const down = Math.min(box[3], one[3]) - Math.max(box[1], one[1])
    return across > 0 && down > 0 ? sum + across * down : sum
  }, 0)
  const write = (item, size, spots, always) => {
    item.wide ||= context.measureText(item.label).width * scale
    const half = item.wide / scale / 2
    const boxes = spots.map(({ x, y }) => [x - half, y, x + half, y + size * 1.2])
    let box = boxes.find(free)
    if (!box && always) box = boxes.reduce((best, one) => (covered(one) < covered(best) ? one : best))
    if (!box) return
    taken.push(box)
    context.strokeText(item.label, box[0] + half, box[1])
    context.fillText(item.label, box[0] + half, box[1])
  }
  Object.assign(context, { textAlign: "center", textBaseline: "top", lineJoin: "round", lineWidth: 4 / scale,
    strokeStyle: theme.page, fillStyle: theme.text, font: `${13 / scale}px ${theme.font}` })
  const chosenFirst = (a, b) => first.has(b.id) - first.has(a.id)
  const { clientWidth, clientHeight } = state.canvas
  const [from, to] = [network.DOMtoCanvas({ x: -60, y: -20 }), network.DOMtoCanvas({ x: clientWidth + 60, y: clientHeight })]
  const seen = (place) => place && place.x > from.x && place.x < to.x && place.y > from.y && place.y < to.y
  for (const node of [...state.nodes].sort(chosenFirst)) {
    const place = places[node.id]
    if (seen(place)) write(node, 13 / scale, [{ x: place.x, y: place.y + sizeOf(node, state.unit) + 3 / scale }])
  }
  for (const node of state.nodes) {
    if (!seen(places[node.id])) continue
    const half = sizeOf(node, state.unit)
    const { x, y } = places[node.id]
    taken.push([x - half, y - half, x + half, y + half])
  }
  context.font = `${11 / scale}px ${theme.font}`
  const close = scale > 0.6 || state.labelled.length < 60
  for (const edge of state.labelled.sort(chosenFirst)) {
    const line = network.body.edges[edge.id]?.edgeType
    if (!line || !seen(line.getPoint(0.5))) continue
    context.fillStyle = theme.lines[edge.colour].text
    const spots = ALONG.map((share) => line.getPoint(share)).map(({ x, y }) => ({ x, y: y - 7 / scale }))
    write(edge, 11 / scale, spots, edge.colour !== "gray" && close)
  }
}

function listen(state) {
  const { network } = state
  const send = (name, value) => state.component.setTriggerValue(name, value)
  network.on("click", ({ nodes, edges }) => {
    if (nodes.length) send("pick", { kind: "entity", id: nodes[0] })
    else if (edges.length) send("pick", { kind: "fact", id: edges[0] })
    else send("pick", { kind: "nothing", id: "" })
  })
  network.on("doubleClick", ({ nodes }) => nodes.length && send("expand", { id: nodes[0] }))
  network.on("hoverNode", ({ node }) => { state.hovered = node })
  network.on("blurNode", () => { state.hovered = undefined })
  network.on("afterDrawing", (context) => paintNames(state, context))
}

function name(state, data) {
  const frame = state.canvas.querySelector(".vis-network")
  frame.tabIndex = 0
  frame.setAttribute("role", "group")
  frame.setAttribute("aria-label",
    "Drawing. Arrow keys move it, plus and minus zoom. The same facts are listed under Table.")
  const canvas = frame.querySelector("canvas")
  canvas.setAttribute("role", "img")
  canvas.setAttribute("aria-label", data.summary)
}

function select(state, data) {
  const nodes = state.nodes.some((one) => one.id === data.picked) ? [data.picked] : []
  const edges = state.edges.some((one) => one.id === data.picked) ? [data.picked] : []
  state.network.setSelection({ nodes, edges }, { highlightEdges: false })
}

async function draw(state, data, theme) {
  const signature = JSON.stringify([data.signature, theme])
  if (state.signature === signature) return state.network && select(state, data)
  state.signature = signature
  foot(state, data, theme)
  let vis
  try {
    vis = await library(data.library)
  } catch {
    state.signature = undefined
    state.canvas.replaceChildren(made("p", { class: "note" }, "The drawing could not be loaded. Choose Table above."))
    return
  }
  if (state.signature !== signature) return
  Object.assign(state, { theme, nodes: data.nodes.map((one) => ({ ...one })), edges: data.edges, hovered: undefined })
  state.labelled = data.edges.filter((one) => one.label).map((one) => ({ ...one }))
  state.labelled.sort((a, b) => (b.colour !== "gray") - (a.colour !== "gray"))
  const unit = state.unit = Math.min(2.5, 1 / view({ ...state, network: undefined }).scale)
  const content = {
    nodes: new vis.DataSet(data.nodes.map((one) => visNode(one, theme, unit))),
    edges: new vis.DataSet(data.edges.map((one) => visEdge(one, theme, unit))),
  }
  if (state.network) {
    state.network.setOptions(options(data, unit))
    state.network.setData(content)
  } else {
    state.canvas.replaceChildren()
    state.network = new vis.Network(state.canvas, content, options(data, unit))
    listen(state)
  }
  name(state, data)
  select(state, data)
  fit(state, false)
  state.canvas.dataset.ready = data.signature
}

function start(root) {
  const canvas = made("div", { class: "canvas" }, made("p", { class: "note" }, "Drawing…"))
  const below = made("div", { class: "foot" })
  root.replaceChildren(made("div", { class: "card" }, canvas, below))
  return { root, canvas, foot: below, nodes: [], edges: [], labelled: [], unit: 1 }
}

export default function (component) {
  const { data, parentElement } = component
  const root = parentElement.querySelector(".part")
  if (!root || !data) return
  let state = drawings.get(parentElement)
  if (!state || state.root !== root) {
    state?.network?.destroy()
    state = start(root)
    drawings.set(parentElement, state)
  }
  state.component = component
  draw(state, data, colours(root))
  return () => {
    state.network?.destroy()
    drawings.delete(parentElement)
  }
}
