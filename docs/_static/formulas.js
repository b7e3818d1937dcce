// Draw every formula of the page with KaTeX. The LaTeX stays in the page, so that search and screen readers find it.
addEventListener("DOMContentLoaded", () => {
  for (const element of document.querySelectorAll(".math.inline, .math.display")) {
    const displayMode = element.classList.contains("display");
    katex.render(element.textContent, element, { displayMode, throwOnError: true, strict: "error" });
    if (!displayMode) keepTogether(element);
  }
  document.fonts.ready.then(shrinkToFit);
});

// Move the punctuation that follows a formula into it, because a browser may break the line between the two.
function keepTogether(element) {
  const text = element.nextSibling;
  const marks = text?.nodeType === Node.TEXT_NODE ? text.data.match(/^[.,;:!?)]*/)[0] : "";
  const parts = element.querySelectorAll(".katex-base");
  if (!marks || !parts.length) return;
  parts[parts.length - 1].append(marks);
  text.data = text.data.slice(marks.length);
}

// Make a display formula that is wider than the screen smaller, down to 65 %; what is wider still is scrolled.
function shrinkToFit() {
  for (const element of document.querySelectorAll(".math.display")) {
    const share = element.clientWidth / element.scrollWidth;
    if (share < 1) element.style.fontSize = `${Math.max(share, 0.65)}em`;
  }
}
