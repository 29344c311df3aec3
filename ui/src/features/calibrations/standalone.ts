/** Writes a drawing of the page as a file that other programs show alike. */

export const SVG = "image/svg+xml";

const STYLED = ["fill", "stroke", "font-size", "font-family"] as const;

/** Return a drawing as SVG, with the colors and fonts that it has on the page, on paper of the page's color. */
export function standalone(drawing: SVGSVGElement): string {
  const copy = drawing.cloneNode(true) as SVGSVGElement;
  const [shown, written] = [drawing, copy].map((one) => [...one.querySelectorAll<SVGElement>("*")]);
  written?.forEach((element, i) => {
    const style = getComputedStyle(shown?.[i] as SVGElement);
    for (const name of STYLED) element.setAttribute(name, style.getPropertyValue(name));
    element.removeAttribute("class");
  });
  const { width, height } = drawing.viewBox.baseVal;
  const paper = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  paper.setAttribute("width", String(width));
  paper.setAttribute("height", String(height));
  paper.setAttribute("fill", getComputedStyle(document.documentElement).getPropertyValue("--surface"));
  copy.prepend(paper);
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.setAttribute("width", String(width));
  copy.setAttribute("height", String(height));
  copy.removeAttribute("class");
  return new XMLSerializer().serializeToString(copy);
}
