// Draw every chart of a page when it comes into view. A chart is <div class="jaxdl-chart"> with its Vega-Lite
// specification in a <script type="application/json">. Text and axes take the color of the page, light or dark.
(() => {
  const axis = {
    labelColor: "currentColor", titleColor: "currentColor", domainColor: "#8a8f99", tickColor: "#8a8f99",
    gridColor: "#8a8f99", gridOpacity: 0.25, titleFontWeight: 500, labelFontSize: 12, titleFontSize: 12.5,
  };
  const legend = { labelColor: "currentColor", titleColor: "currentColor", labelFontSize: 12.5 };
  const config = {
    background: "transparent", font: "Inter, system-ui, sans-serif", view: { stroke: null }, axis, legend,
    title: { color: "currentColor" }, text: { color: "currentColor" },
    header: { labelColor: "currentColor", titleColor: "currentColor" },
  };
  let isRead = false;  // until the reader moves, what the address names stays in place while charts above it grow
  for (const moved of ["wheel", "touchstart", "pointerdown", "keydown"])
    addEventListener(moved, () => { isRead = true; }, { once: true, passive: true });
  const draw = element => {
    const specification = JSON.parse(element.querySelector("script").textContent);
    const place = document.createElement("div");
    place.className = "jaxdl-chart-drawn";
    element.append(place);
    const drawn = { ...specification, config: { ...specification.config, ...config } };
    vegaEmbed(place, drawn, { actions: false, renderer: "svg" })
      .then(() => {
        element.dataset.state = "drawn";
        if (!isRead) document.querySelector(":target")?.scrollIntoView();
      })
      .catch(error => { element.dataset.state = "failed"; console.error(error); });
  };
  const start = () => {
    const charts = document.querySelectorAll(".jaxdl-chart");
    const observer = new IntersectionObserver(entries => {
      for (const entry of entries.filter(each => each.isIntersecting)) {
        observer.unobserve(entry.target);
        draw(entry.target);
      }
    }, { rootMargin: "400px" });
    charts.forEach(chart => observer.observe(chart));
    addEventListener("beforeprint", () => charts.forEach(chart => {
      if (!chart.querySelector(".jaxdl-chart-drawn")) { observer.unobserve(chart); draw(chart); }
    }));
  };
  if (document.readyState === "loading") addEventListener("DOMContentLoaded", start); else start();
})();
