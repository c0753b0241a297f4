// What moves. Every page works without it.
"use strict";

// Times: local, with UTC beside, and how long ago.

const ago = new Intl.RelativeTimeFormat(undefined, { numeric: "always", style: "short" });
const clock = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const steps = [["second", 60], ["minute", 60], ["hour", 24], ["day", 365], ["year", Infinity]];

function since(at) {
  let left = (at - Date.now()) / 1000;
  for (const [unit, count] of steps) {
    if (Math.abs(left) < count) return ago.format(Math.trunc(left), unit);
    left /= count;
  }
}

function showTime(time) {
  const at = new Date(time.dateTime);
  if (Number.isNaN(at.getTime())) return;
  const utc = `${time.dateTime.slice(0, 19).replace("T", " ")} UTC`;
  const local = clock.format(at);
  time.textContent = time.classList.contains("whole") ? `${local} (${utc}), ${since(at)}` : `${local}, ${since(at)}`;
}

function showTimes(within) {
  within.querySelectorAll("time").forEach(showTime);
}

// Keys.

function step(by) {
  const rows = [...document.querySelectorAll("main tbody tr")].filter((row) => row.querySelector("a, button"));
  if (!rows.length) return;
  const here = rows.findIndex((row) => row.contains(document.activeElement));
  const next = here < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(Math.max(here + by, 0), rows.length - 1);
  rows[next].querySelector("a, button").focus();
}

const keys = {
  j: () => step(1),
  k: () => step(-1),
  "/": () => document.getElementById("q")?.focus(),
  "?": () => {
    const dialog = document.getElementById("keys");
    if (dialog && !dialog.open) dialog.showModal();
  },
};

document.addEventListener("keydown", (event) => {
  const isTyping = event.target.closest("input, select, textarea, dialog[open]");
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
  event.preventDefault();
  keys[event.key]();
});

// Copying: by the clipboard where the browser has one for this page, which it has not by plain http from elsewhere; else by
// selecting, which also shows what to copy by hand.

async function copy(button) {
  const from = document.getElementById(button.dataset.copy);
  let isDone = false;
  try {
    await navigator.clipboard.writeText(from.textContent);
    isDone = true;
  } catch {
    from.closest("details")?.setAttribute("open", "");
    getSelection().selectAllChildren(from);
    isDone = document.execCommand("copy");
  }
  button.textContent = isDone ? "Copied" : "Selected: copy it with your keys";
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-copy]");
  if (button) copy(button);
});

// What there is only with a script.

document.querySelectorAll(".script").forEach((element) => {
  element.hidden = false;
});
showTimes(document);
setInterval(() => showTimes(document), 10000);

// How it goes: the line is looked at again while the page is open, for nobody reloads one that is green.

async function lookAtHealth(line) {
  try {
    const answer = await fetch("/health", { redirect: "manual" });
    if (answer.type === "opaqueredirect") {
      line.className = "health unwell";
      line.firstElementChild.textContent = "You are not signed in any more: sign in";
      return;
    }
    if (!answer.ok) throw new Error(answer.status);
    const words = await answer.text();
    if (line.outerHTML === words) return;
    line.outerHTML = words;
  } catch {
    line.className = "health unwell";
    line.firstElementChild.textContent = "Not known: no answer from the receiver";
  }
}

setInterval(() => {
  const line = document.getElementById("health");
  if (line) lookAtHealth(line);
}, 10000);

// What goes on: a part of a page is asked for again every so many seconds, for as long as it says so and nobody is in the
// middle of it.

async function lookAgain() {
  const part = document.querySelector("[data-again]");
  if (!part) return;
  const isInUse = () => part.contains(document.activeElement) || part.querySelector("details[open]");
  try {
    if (!isInUse()) {
      const answer = await fetch(location.href, { redirect: "error" });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const now = page.getElementById(part.id);
      if (now && !isInUse()) {
        part.replaceWith(now);
        showTimes(now);
      }
    }
  } catch {
    // The line above says that there is no answer.
  }
  setTimeout(lookAgain, part.dataset.again * 1000);
}

const again = document.querySelector("[data-again]");
if (again) setTimeout(lookAgain, again.dataset.again * 1000);

// What comes: rows that the server made are put in front of the list.

const MOST_ROWS = 200;

function watch(live) {
  const [state, button, counter] = live.children;
  const rows = document.querySelector("#live ~ table > tbody");
  const address = new URL(live.dataset.source, location.href);
  let source;
  let count = 0;
  let later;

  const say = (word) => {
    if (state.textContent !== word) state.textContent = word;
  };

  function take(event) {
    address.searchParams.set("after", event.lastEventId);
    const came = JSON.parse(event.data);
    rows.querySelectorAll(".new").forEach((row) => row.classList.remove("new"));
    const old = rows.rows.length;
    rows.insertAdjacentHTML("afterbegin", came.rows);
    [...rows.rows].slice(0, rows.rows.length - old).forEach((row) => row.classList.add("new"));
    [...rows.rows].slice(MOST_ROWS).forEach((row) => row.remove());
    showTimes(rows);
    const empty = document.querySelector("#live ~ .empty");
    if (empty && came.count) empty.hidden = true;
    count += came.count + came.more;
    const left = came.more ? `, the last time ${came.more} more than are shown` : "";
    const unread = came.unread ? `; ${came.unread} came too fast to be looked at: load the page again` : "";
    counter.textContent = `${count} came since this page was loaded${left}${unread}`;
  }

  function connect() {
    source = new EventSource(address);
    source.onopen = () => say("live");
    source.onmessage = take;
    source.onerror = () => {
      say("not connected");
      // The browser comes back by itself where the connection was lost, and not where it was refused.
      if (source.readyState === EventSource.CLOSED) later = setTimeout(connect, 10000);
    };
  }

  button.addEventListener("click", () => {
    const isPaused = button.getAttribute("aria-pressed") === "true";
    button.setAttribute("aria-pressed", String(!isPaused));
    button.textContent = isPaused ? "Pause" : "Go on";
    clearTimeout(later);
    if (isPaused) {
      connect();
    } else {
      source.close();
      say("paused");
    }
  });
  addEventListener("pagehide", () => source.close());
  connect();
}

const live = document.getElementById("live");
if (live) watch(live);
