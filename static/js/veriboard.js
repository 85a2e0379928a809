// Small comforts; every page works without them.
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    document.getElementById("q")?.focus();
  }
});

// j and k walk down and up a board; Enter follows the link that has the focus. Escape closes a menu.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") {
    const menu = document.querySelector("details.menu[open]");
    menu?.removeAttribute("open");
    menu?.querySelector("summary").focus();
  }
  const steps = { j: 1, k: -1, ArrowDown: 1, ArrowUp: -1 };
  const step = steps[event.key];
  const links = [...document.querySelectorAll(".board tbody th a")];
  const here = links.indexOf(document.activeElement);
  // Arrows scroll the page until a row has the focus.
  if (!step || !links.length || event.target.closest("input, textarea, select") || (event.key.length > 1 && here < 0)) return;
  event.preventDefault();
  const next = links[Math.min(Math.max(here + step, 0), links.length - 1)];
  next.focus();
  next.scrollIntoView({ block: "nearest" });
});

// One menu is open at a time, and none after a click beside it.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.removeAttribute("open");
  }
});

// Filters act at once when changed.
document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-live]");
  if (form && event.target.matches("select, input[type=date]")) form.requestSubmit();
});

// Copy what stands in a code block.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent.trim());
  button.textContent = button.dataset.done;
});
