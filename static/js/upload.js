// A resumable upload after tus 1.0: in parts, each with its digest, going on where the server says.
class UploadRefused extends Error {
  // Signed out meanwhile: the form itself leads to where one signs in.
  get isSignedOut() { return [401, 403].includes(this.cause); }
}

class ResumableUpload {
  constructor(file, { address, partBytes, token, tell }) {
    Object.assign(this, { file, address, partBytes, token, tell, isStopped: false });
    this.key = `upload:${file.name}:${file.size}:${file.lastModified}`;
  }

  // Resolves to the upload's id once the whole file is there.
  async run() {
    let pause = 1;
    let place = this.recall();
    let offset = null;
    while (!this.isStopped) {
      try {
        if (!place) [place, offset] = [await this.begin(), 0];
        offset ??= await this.ask(place);
        // The server gave it up, or it was submitted.
        if (offset === null) { place = null; continue; }
        while (offset < this.file.size) {
          offset = await this.send(place, offset);
          pause = 1;
        }
        this.forget();
        return place.replace(/\/$/, "").split("/").pop();
      } catch (error) {
        if (error instanceof UploadRefused || this.isStopped) throw error;
        this.tell({ pause });
        await new Promise((resolve) => setTimeout(resolve, pause * 1000));
        pause = Math.min(2 * pause, 30);
        offset = null;
      }
    }
    throw new UploadRefused("");
  }

  stop() {
    this.isStopped = true;
    this.request?.abort();
  }

  headers(more) {
    return { "Tus-Resumable": "1.0.0", "X-CSRFToken": this.token, ...more };
  }

  async begin() {
    const name = btoa(String.fromCharCode(...new TextEncoder().encode(this.file.name)));
    const headers = this.headers({ "Upload-Length": this.file.size, "Upload-Metadata": `filename ${name}` });
    const answer = await fetch(this.address, { method: "POST", headers });
    if (answer.status !== 201) await this.refuse(answer.status, await answer.text());
    const place = answer.headers.get("Location");
    this.remember(place);
    return place;
  }

  async ask(place) {
    const answer = await fetch(place, { method: "HEAD", headers: this.headers() });
    if (answer.status === 404) return null;
    if (!answer.ok) throw new Error(answer.status);
    return Number(answer.headers.get("Upload-Offset"));
  }

  async send(place, offset) {
    const part = this.file.slice(offset, offset + this.partBytes);
    const headers = this.headers({ "Upload-Offset": offset, "Content-Type": "application/offset+octet-stream" });
    // Only there over HTTPS and on this machine; without it the connection's own checks have to do.
    if (crypto.subtle) headers["Upload-Checksum"] = `sha256 ${await digest(part)}`;
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      this.request = request;
      request.upload.addEventListener("progress", (step) => this.tell({ sent: offset + Math.min(step.loaded, part.size) }));
      request.addEventListener("load", () => {
        if (request.status === 204) resolve(Number(request.getResponseHeader("Upload-Offset")));
        else this.refuse(request.status, request.responseText).catch(reject);
      });
      for (const name of ["error", "abort", "timeout"]) request.addEventListener(name, () => reject(new Error(name)));
      request.open("PATCH", place);
      request.timeout = 300000;
      for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
      request.send(part);
    });
  }

  // Some refusals pass by asking again: another tab was faster, bytes were damaged, a server was away.
  async refuse(status, text) {
    if ([404, 408, 409, 429, 460].includes(status) || [500, 502, 503, 504].includes(status)) throw new Error(status);
    let sentence = "";
    try { sentence = JSON.parse(text).detail; } catch { /* Not a problem object. */ }
    throw new UploadRefused(sentence || `HTTP ${status}`, { cause: status });
  }

  // Browsers may forbid the storage; then a reloaded page begins again.
  recall() { try { return localStorage.getItem(this.key); } catch { return null; } }
  remember(place) { try { localStorage.setItem(this.key, place); } catch { /* Begins again. */ } }
  forget() { try { localStorage.removeItem(this.key); } catch { /* Nothing was kept. */ } }
}

async function digest(part) {
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", await part.arrayBuffer()));
  return btoa(String.fromCharCode(...bytes));
}
