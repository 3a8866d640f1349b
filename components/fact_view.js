// Draws one fact as pills and a line, or one quote; every text is a text node.
const SVG = "http://www.w3.org/2000/svg"

function made(tag, name, text) {
  const element = document.createElement(tag)
  element.className = name
  if (text !== undefined) element.textContent = text
  return element
}

function line(width, dashes, arrow) {
  const svg = document.createElementNS(SVG, "svg")
  for (const [name, value] of Object.entries({ width, height: 10, viewBox: `0 0 ${width} 10`, "aria-hidden": "true" })) {
    svg.setAttribute(name, value)
  }
  const path = document.createElementNS(SVG, "path")
  path.setAttribute("d", `M0 5H${arrow ? width - 6 : width}`)
  path.setAttribute("stroke-dasharray", dashes)
  path.setAttribute("class", "line")
  svg.append(path)
  if (arrow) {
    const head = document.createElementNS(SVG, "path")
    head.setAttribute("d", `M${width - 8} 1l8 4-8 4z`)
    head.setAttribute("class", "head")
    svg.append(head)
  }
  return svg
}

export default function (component) {
  const { data, parentElement } = component
  const root = parentElement.querySelector(".part")
  if (!root || !data) return
  if (data.quote) {
    root.replaceChildren(made("p", "quote", `“${data.quote}”`))
    return
  }
  const relation = made("span", `relation ${data.colour}`)
  relation.append(line(20, data.line, false), made("span", "words", data.relation), line(26, data.line, true))
  const fact = made("p", "fact")
  fact.append(made("span", "pill", data.subject), relation, made("span", "pill", data.object))
  root.replaceChildren(fact)
}
