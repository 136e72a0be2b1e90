// SPDX-License-Identifier: Apache-2.0
// Progressive only: every page works without this file. It carries no text of its own.
(() => {
  "use strict";
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  const show = (root) => {
    for (const button of all("[data-copy]", root)) button.hidden = !navigator.clipboard;
    for (const time of all("time[datetime]", root)) {
      const local = new Date(time.dateTime);
      if (time.firstElementChild || Number.isNaN(local.valueOf())) continue;
      const zone = local.toLocaleString(document.documentElement.lang, { dateStyle: "medium", timeStyle: "medium" });
      if (local.getTimezoneOffset() === 0) { time.title = zone; continue; }
      const small = document.createElement("small");
      small.textContent = ` (${zone})`;
      time.append(small);
    }
  };
  show(document);

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    await navigator.clipboard.writeText(button.dataset.copy);
    button.classList.add("done");
    setTimeout(() => button.classList.remove("done"), 1200);
  });

  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, select, [contenteditable]");
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    const field = document.querySelector(`[data-focus-key="${CSS.escape(event.key)}"]`);
    if (field) { event.preventDefault(); field.focus(); field.select(); }
  });

  for (const form of all("[data-theme-form]")) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const theme = event.submitter.value;
      document.documentElement.dataset.theme = theme;
      const body = new URLSearchParams(new FormData(form));
      body.set("theme", theme);
      fetch(form.action, { method: "POST", body, redirect: "manual" });
    });
  }
  for (const select of all("[data-submit-on-change]")) {
    select.addEventListener("change", () => select.form.requestSubmit());
  }

  const body = document.querySelector("[data-feed]");
  if (!body) return;
  const note = document.querySelector("[data-feed-note]");
  const pause = document.querySelector("[data-feed-pause]");
  const height = document.querySelector("[data-height]");
  const group = new Intl.NumberFormat(document.documentElement.lang);
  let paused = false, waiting = [];
  const newest = () => Number(body.rows[0]?.id.slice(1) || 0);
  const add = (html) => {
    const holder = document.createElement("template");
    holder.innerHTML = html;
    const row = holder.content.querySelector("tr");
    const own = row && Number(row.id.slice(1));
    if (!row || own <= newest()) return;
    row.classList.add("new");
    body.prepend(row);
    show(row);
    while (body.rows.length > 50) body.rows[body.rows.length - 1].remove();
    if (height) height.textContent = group.format(own);
  };
  const source = new EventSource(`${body.dataset.feed}?from=${newest()}`);
  source.addEventListener("row", (event) => {
    if (!paused) add(event.data);
    else { waiting.push(event.data); waiting = waiting.slice(-50); }
  });
  const say = (event) => { if (!paused) note.textContent = event.data; };
  source.addEventListener("note", say);
  source.addEventListener("gap", say);
  pause.hidden = false;
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.textContent = paused ? pause.dataset.resume : pause.dataset.pause;
    if (!paused) { waiting.forEach(add); waiting = []; }
  });
})();
