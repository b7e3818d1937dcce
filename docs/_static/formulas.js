// Draw every formula of the page with KaTeX. The LaTeX stays in the page, so that search and screen readers find it.
addEventListener("DOMContentLoaded", () => {
  for (const element of document.querySelectorAll(".math.inline, .math.display")) {
    const displayMode = element.classList.contains("display");
    katex.render(element.textContent, element, { displayMode, throwOnError: true, strict: "error" });
  }
});
