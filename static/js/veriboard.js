// Small comforts; every page works without them.
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    document.getElementById("q")?.focus();
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

// Show how far an upload is.
document.addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-upload]");
  if (!form || !form.querySelector("input[type=file]")?.files.length) return;
  event.preventDefault();
  const bar = form.querySelector("progress");
  const send = form.querySelector("button[type=submit]");
  const request = new XMLHttpRequest();
  bar.hidden = false;
  send.disabled = true;
  request.upload.addEventListener("progress", (step) => {
    if (step.lengthComputable) bar.value = step.loaded / step.total;
  });
  request.addEventListener("load", () => {
    if (request.responseURL && new URL(request.responseURL).pathname !== form.getAttribute("action")) {
      window.location.assign(request.responseURL);
      return;
    }
    const page = new DOMParser().parseFromString(request.responseText, "text/html");
    const fresh = page.querySelector("form[data-upload]");
    if (fresh) form.replaceWith(fresh);
    document.querySelector("[aria-invalid]")?.focus();
  });
  request.addEventListener("error", () => {
    bar.hidden = true;
    send.disabled = false;
    form.querySelector("[data-failed]").hidden = false;
  });
  request.open("POST", form.action);
  request.send(new FormData(form));
});
