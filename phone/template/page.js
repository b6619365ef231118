"use strict";
// Opens the sealed line with the browser's WebCrypto and shows it. Nothing is stored, nothing is sent.

(() => {
  const FORMAT = [/^immich-phone-page\/1$/, /^PBKDF2-HMAC-SHA256$/, /^[1-9]\d{5,7}$/, /^AES-256-GCM$/];
  const DAMAGED = "This page was damaged on its way. Ask for it again.";
  const WRONG = "That is not the passphrase. Try again.";
  const INSECURE =
    "This browser opens sealed pages only from a file or over https. Save the page and open the file, " +
    "or open it on another device and scan the QR code there.";

  const element = (id) => document.getElementById(id);
  const utf8 = new TextEncoder();

  function bytes(text) {
    if (!/^[-\w]*$/.test(text)) throw new Error(DAMAGED);
    const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
  }

  function same(one, other) {
    return one.length === other.length && one.every((byte, index) => byte === other[index]);
  }

  /** The parts of the line, or an error that it is damaged: this needs no passphrase. */
  async function read(line) {
    const parts = line.split(".");
    const [salt, nonce, ciphertext, checksum] = parts.slice(FORMAT.length);
    if (parts.length !== FORMAT.length + 4 || FORMAT.some((part, index) => !part.test(parts[index]))) {
      throw new Error(DAMAGED);
    }
    const body = utf8.encode(line.slice(0, line.lastIndexOf(".")));
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", body));
    if (!same(digest, bytes(checksum))) throw new Error(DAMAGED);
    return {
      iterations: Number(parts[2]),
      head: utf8.encode(parts.slice(0, FORMAT.length + 2).join(".")),
      salt: bytes(salt),
      nonce: bytes(nonce),
      ciphertext: bytes(ciphertext),
    };
  }

  async function unseal(sealed, passphrase) {
    const material = utf8.encode(passphrase.normalize("NFKC"));
    const base = await crypto.subtle.importKey("raw", material, "PBKDF2", false, ["deriveKey"]);
    const key = await crypto.subtle.deriveKey(
      { name: "PBKDF2", hash: "SHA-256", salt: sealed.salt, iterations: sealed.iterations },
      base,
      { name: "AES-GCM", length: 256 },
      false,
      ["decrypt"],
    );
    const parameters = { name: "AES-GCM", iv: sealed.nonce, additionalData: sealed.head, tagLength: 128 };
    return JSON.parse(new TextDecoder().decode(await crypto.subtle.decrypt(parameters, key, sealed.ciphertext)));
  }

  const SHOWN = ["phone", "server", "header", "value", "fingerprint"];

  function show(held) {
    for (const id of SHOWN) element(id).textContent = held[id];
    element("qr").setAttribute("viewBox", `0 0 ${held.qr.size} ${held.qr.size}`);
    element("qr").firstElementChild.setAttribute("d", held.qr.path);
    element("locked").hidden = true;
    element("opened").hidden = false;
    say("");
    element("title").focus();
  }

  function hide() {
    for (const id of SHOWN) element(id).textContent = "";
    element("qr").firstElementChild.removeAttribute("d");
    element("form").reset();
    element("passphrase").type = "password";
    element("opened").hidden = true;
    element("locked").hidden = false;
    complain("");
    label("Copy");
    say("");
  }

  function say(text) {
    element("status").textContent = text;
  }

  function complain(text) {
    element("problem").textContent = text;
    element("passphrase").setAttribute("aria-invalid", String(text !== ""));
  }

  /** What cannot be mended by another passphrase. */
  function giveUp(text) {
    element("broken").textContent = text;
    element("broken").setAttribute("role", "alert");
    element("broken").hidden = false;
    element("locked").hidden = true;
  }

  async function submit(event, sealed) {
    event.preventDefault();
    const field = element("passphrase");
    const passphrase = field.value;
    complain("");
    say("Opening. This takes a moment.");
    element("open").disabled = true;
    element("open").textContent = "Opening…";
    let held;
    try {
      held = await unseal(sealed, passphrase);
    } catch {
      say("");
      complain(WRONG);
      field.focus();
      field.select();
      return;
    } finally {
      element("open").disabled = false;
      element("open").textContent = "Open";
    }
    element("form").reset();
    field.type = "password";
    show(held);
  }

  /** The button says what it did, to the eye; the live region says it to the ear. */
  async function copy(button) {
    const target = element(button.dataset.copy);
    let done = "Copied";
    try {
      await navigator.clipboard.writeText(target.textContent);
    } catch {
      getSelection().selectAllChildren(target);
      done = "Copy it yourself: selected";
    }
    label("Copy");
    button.firstChild.data = done;
    say(`${button.textContent}.`);
  }

  function label(text) {
    for (const button of document.querySelectorAll("[data-copy]")) button.firstChild.data = text;
  }

  async function start() {
    element("broken").hidden = true;
    if (!globalThis.crypto?.subtle) return giveUp(INSECURE);
    let sealed;
    try {
      sealed = await read((element("sealed")?.textContent ?? "").trim());
    } catch {
      return giveUp(DAMAGED);
    }
    element("form").addEventListener("submit", (event) => submit(event, sealed));
    element("reveal").addEventListener("change", (event) => {
      element("passphrase").type = event.target.checked ? "text" : "password";
    });
    for (const button of document.querySelectorAll("[data-copy]")) {
      button.addEventListener("click", () => copy(button));
    }
    element("hide").addEventListener("click", () => {
      hide();
      element("passphrase").focus();
    });
    // A browser may keep a page that was left, as it was, to come back to.
    addEventListener("pagehide", hide);
    hide();
    element("passphrase").focus();
  }

  addEventListener("DOMContentLoaded", start);
})();
