// The submission form: say what a file is as soon as it is chosen, and show how far its upload is.
const MIB = 2 ** 20;
const ROUNDS = 4;

// A file is told by its beginning and its end; what else the check needs, it asks for.
async function lookAt(form, file) {
  const ranges = [[0, Math.min(file.size, MIB)]];
  if (file.size > MIB) ranges.push([Math.max(MIB, file.size - MIB), file.size]);
  for (let round = 0; round < ROUNDS; round += 1) {
    const body = new FormData();
    body.append("size", file.size);
    body.append("name", file.name);
    for (const [begin, end] of ranges) {
      body.append("begin", begin);
      body.append("piece", file.slice(begin, end), "piece");
    }
    const headers = { "X-CSRFToken": form.elements.csrfmiddlewaretoken.value };
    const answer = await fetch(form.dataset.check, { method: "POST", body, headers });
    if (!answer.ok) return null;
    const found = await answer.json();
    if (!found.need) return found;
    ranges.push(found.need);
  }
  return null;
}

// The guess goes into an empty field only, or in place of an earlier guess: what somebody typed stays.
function showCheck(form, found) {
  const place = form.querySelector("[data-verdict]");
  const architecture = form.elements.architecture;
  const isOurs = !architecture.value || architecture.value === architecture.dataset.guess;
  const [guess] = found.architectures;
  place.textContent = [found.sentence, found.preparation].filter(Boolean).join(" ");
  place.className = found.is_refused ? "error" : "hint";
  if (isOurs) architecture.value = architecture.dataset.guess = guess || "";
  if (guess) form.elements.protocol.placeholder = JSON.stringify(found.protocol);
}

document.addEventListener("change", async (event) => {
  const form = event.target.closest("form[data-upload]");
  const file = event.target.matches("input[type=file]") && event.target.files[0];
  if (!form || !file) return;
  try {
    const found = await lookAt(form, file);
    if (found && event.target.files[0] === file) showCheck(form, found);
  } catch {
    // Without an answer the file is checked when it is sent.
  }
});

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
