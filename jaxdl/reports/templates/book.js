// Filter the items of the book by verdict and by words. An item has its verdicts and its text in data attributes.
(() => {
  const isShown = (item, chosen, words) => {
    const verdicts = item.dataset.verdicts.split(" ").filter(Boolean);
    const tested = { "": true, tested: verdicts.length > 0, untested: verdicts.length === 0 };
    return (tested[chosen] ?? verdicts.includes(chosen)) && words.every(word => item.dataset.search.includes(word));
  };
  const place = item => {  // the section with the heading of the item, if it has one of its own
    const section = item.closest("section");
    return section && section.querySelectorAll(".book-item").length === 1 ? section : item;
  };
  const start = filter => {
    const search = filter.querySelector("input"), select = filter.querySelector("select");
    const apply = () => {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean), chosen = select.value;
      let count = 0;
      document.querySelectorAll(".book-item").forEach(item => {
        const shown = isShown(item, chosen, words);
        count += shown;
        place(item).hidden = !shown;
        const link = item.dataset.anchor && document.querySelector(`li[data-anchor="${item.dataset.anchor}"]`);
        if (link) link.hidden = !shown;
      });
      const claims = select.selectedIndex > 2 ? chosen : "";
      document.querySelectorAll(".book-claim").forEach(claim => {
        claim.hidden = claims !== "" && claim.dataset.verdict !== claims;
      });
      document.querySelectorAll(".book-matrix tbody").forEach(rows => {
        rows.hidden = !rows.querySelector(".book-item:not([hidden])");
      });
      filter.querySelector(".book-none").hidden = count > 0;
    };
    filter.hidden = false;
    search.addEventListener("input", apply);
    select.addEventListener("input", apply);
    apply();
  };
  const all = () => document.querySelectorAll(".book-filter").forEach(start);
  if (document.readyState === "loading") addEventListener("DOMContentLoaded", all); else all();
})();
