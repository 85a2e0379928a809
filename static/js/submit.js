// The submission form: say what a file is as soon as it is chosen, and send a large one while the form is filled in.
const MIB = 2 ** 20;
const ROUNDS = 4;
let upload = null;

// A file is told by its beginning and its end; what else the check needs, it asks for.
async function lookAt(form, file) {
  const ranges = [[0, Math.min(file.size, MIB)]];
  if (file.size > MIB) ranges.push([Math.max(MIB, file.size - MIB), file.size]);
  for (let round = 0; round < ROUNDS; round += 1) {
    const body = new FormData();
    body.append("size", file.size);
    body.append("name", file.name);
    body.append("benchmark", form.elements.benchmark.value);
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
  place.textContent = found.sentence + found.duration;
  place.className = found.is_refused ? "error" : "hint told";
  if (isOurs) architecture.value = architecture.dataset.guess = guess || "";
  form.elements.graph_side.value = guess ? "" : found.protocol.crop ?? "";
  // The fields of the protocol are filled in by the server, for what the form now says.
  form.dispatchEvent(new Event("told"));
}

function say(form, text) {
  form.querySelector("[data-sent]").textContent = text;
}

function showSent(form, file, step) {
  const bar = form.querySelector("progress");
  if (step.pause) {
    say(form, form.dataset.lost.replace("{n}", step.pause));
    return;
  }
  const share = step.sent / file.size;
  bar.hidden = false;
  bar.value = share;
  say(form, form.dataset.sending.replace("{n}", Math.floor(100 * share)));
}

// Sends the file in the background; the form takes the finished upload in the file's place.
function startUpload(form, file) {
  const token = form.elements.csrfmiddlewaretoken.value;
  const { uploads: address, part } = form.dataset;
  const tell = (step) => showSent(form, file, step);
  const current = new ResumableUpload(file, { address, partBytes: Number(part), token, tell });
  current.finished = current.run().then(
    (id) => {
      const field = form.elements.upload;
      const listed = [...field.options].find((option) => option.value === id);
      if (listed) Object.assign(listed, { disabled: false, selected: true, text: file.name });
      else field.add(new Option(file.name, id, true, true));
      field.closest(".field").hidden = false;
      form.elements.weights.value = "";
      say(form, form.dataset.done);
      return true;
    },
    (error) => {
      if (error.isSignedOut) form.elements.weights.value = "";
      else if (!current.isStopped) say(form, error.message);
      return error.isSignedOut;
    },
  );
  return current;
}

document.addEventListener("change", async (event) => {
  const form = event.target.closest("form[data-upload]");
  if (!form || !event.target.matches("input[type=file]")) return;
  const file = event.target.files[0];
  upload?.stop();
  upload = null;
  if (!file) return;
  // It takes the place of one that is already here.
  form.elements.upload.value = "";
  say(form, "");
  let found = null;
  try {
    found = await lookAt(form, file);
  } catch {
    // Without an answer the file is checked when it is sent.
  }
  if (event.target.files[0] !== file) return;
  if (found) showCheck(form, found);
  if (!found?.is_refused && file.size > Number(form.dataset.part)) upload = startUpload(form, file);
});

function readFields(part) {
  return [...part.querySelectorAll("input, select")].map((field) => field.value).join("\n");
}

document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.target.id === "protocol") event.target.dataset.asked = readFields(event.target);
});

// What was typed meanwhile is not in the answer, so it is asked for again.
document.addEventListener("htmx:beforeSwap", (event) => {
  const part = event.detail.target;
  if (part.id !== "protocol" || readFields(part) === part.dataset.asked) return;
  event.detail.shouldSwap = false;
  part.closest("form").dispatchEvent(new Event("told"));
});

// A form that a script has read has the button for readers without script in it, too.
function findButton(form) {
  return form.querySelector(".actions button");
}

async function send(form) {
  const bar = form.querySelector("progress");
  const button = findButton(form);
  button.disabled = true;
  if (upload && !(await upload.finished)) {
    button.disabled = false;
    return;
  }
  const request = new XMLHttpRequest();
  bar.hidden = false;
  request.upload.addEventListener("progress", (step) => {
    if (step.lengthComputable) bar.value = step.loaded / step.total;
  });
  request.addEventListener("load", () => showAnswer(form, request));
  request.addEventListener("error", () => showFailure(form));
  request.open("POST", form.action);
  request.setRequestHeader("HX-Request", "true");
  request.send(new FormData(form));
}

function showAnswer(form, request) {
  const place = request.getResponseHeader("HX-Redirect");
  if (place) {
    window.location.assign(place);
    return;
  }
  const page = new DOMParser().parseFromString(request.responseText, "text/html");
  const fresh = page.querySelector("form[data-upload]");
  upload = null;
  if (!fresh) {
    // Not the form again: the session has ended, or something before the portal answered. The page says which.
    showFailure(form, page.querySelector("main .lead")?.textContent);
    return;
  }
  form.replaceWith(fresh);
  htmx.process(fresh);
  document.querySelector("[aria-invalid]")?.focus();
}

function showFailure(form, sentence) {
  const place = form.querySelector("[data-failed]");
  if (sentence) place.textContent = sentence;
  place.hidden = false;
  form.querySelector("progress").hidden = true;
  findButton(form).disabled = false;
}

document.addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-upload]");
  if (!form || !(upload || form.elements.weights.files.length)) return;
  event.preventDefault();
  send(form);
});
