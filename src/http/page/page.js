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

// A page that is not seen rests: for all of its tabs a browser has six connections to a host. What is done every so many seconds,
// one after the other, waits meanwhile, and is done at once when the page is seen again.

function every(seconds, work) {
  let later;
  let isUnderWay = false;
  async function turn() {
    clearTimeout(later);
    if (document.hidden || isUnderWay) return;
    isUnderWay = true;
    let pause;
    try {
      pause = await work();
    } finally {
      isUnderWay = false;
      later = setTimeout(turn, (pause ?? seconds) * 1000);
    }
  }
  document.addEventListener("visibilitychange", turn);
  later = setTimeout(turn, seconds * 1000);
}

// The server gives up reading after 30 s.
const inTime = () => AbortSignal.timeout(35000);

// How it goes: the line is looked at again while the page is open, for nobody reloads one that is green.

let unansweredSince = null;
let isSignedOut = false;
let settleStream = () => {};

function sayUnanswered(asked) {
  if (unansweredSince) return;
  unansweredSince = asked;
  const line = document.getElementById("health");
  const time = document.createElement("time");
  time.dateTime = asked.toISOString();
  showTime(time);
  line.className = "health unwell";
  line.firstElementChild.replaceChildren("Not known: no answer from the receiver since ", time);
  settleStream();
}

async function lookAtHealth() {
  const asked = new Date();
  const slow = setTimeout(sayUnanswered, 10000, asked);
  try {
    const answer = await fetch("/health", { redirect: "manual", signal: inTime() });
    const isRefused = answer.type === "opaqueredirect";
    if (!isRefused && !answer.ok) throw new Error(answer.status);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const now = page.getElementById("health");
    // Something in between has answered.
    if (!isRefused && !now) throw new Error("no answer of the receiver");
    const line = document.getElementById("health");
    isSignedOut = isRefused;
    if (isSignedOut) {
      line.className = "health unwell";
      line.firstElementChild.textContent = "You are not signed in any more: sign in";
      line.firstElementChild.href = `/sign-in?then=${encodeURIComponent(location.pathname + location.search)}`;
    } else {
      renew(line, now);
    }
    unansweredSince = null;
    settleStream();
  } catch {
    sayUnanswered(asked);
    return 2;
  } finally {
    clearTimeout(slow);
  }
}

if (document.getElementById("health")) every(10, lookAtHealth);

// What goes on: a part of a page is asked for again every so many seconds, for as long as it says so.

// Makes an element like another and leaves what is the same alone: what is open stays open, and the focus where it is.
function renew(old, now) {
  if (old.nodeName !== now.nodeName) return old.replaceWith(now);
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== now.data) old.data = now.data;
    return;
  }
  for (const { name, value } of now.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  for (const name of old.getAttributeNames()) {
    if (name !== "open" && !now.hasAttribute(name)) old.removeAttribute(name);
  }
  const [before, after] = [[...old.childNodes], [...now.childNodes]];
  before.slice(after.length).forEach((node) => node.remove());
  after.forEach((node, index) => (before[index] ? renew(before[index], node) : old.append(node)));
}

async function lookAgain() {
  const part = document.querySelector("[data-again]");
  if (!part) return;
  try {
    const answer = await fetch(location.href, { redirect: "error", signal: inTime() });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const now = page.getElementById(part.id);
    if (!now) return;
    showTimes(now);
    renew(part, now);
  } catch {
    // The line above says that there is no answer.
  }
}

const again = document.querySelector("[data-again]");
if (again) every(again.dataset.again, lookAgain);

// What comes: rows that the server made are put in front of the list.

const MOST_ROWS = 200;

// "Older" goes on behind the last row that is left.
function leadBehind(row) {
  const pager = document.querySelector(".pager");
  if (!pager) return;
  let older = pager.querySelector("[rel=next]");
  if (!older) {
    older = document.createElement("a");
    older.rel = "next";
    older.textContent = "Older";
    pager.append(older);
  }
  const address = new URL(older.href || location.href);
  address.searchParams.set("cursor", row.dataset.sequence);
  older.href = address;
  pager.hidden = false;
}

function watch(live) {
  const [state, button, counter] = live.children;
  const rows = document.querySelector("#live ~ table > tbody");
  const address = new URL(live.dataset.source, location.href);
  let source;
  let isPaused = false;
  let [count, unread] = [0, 0];

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
    const gone = [...rows.rows].slice(MOST_ROWS);
    gone.forEach((row) => row.remove());
    if (gone.length) leadBehind(rows.lastElementChild);
    showTimes(rows);
    const empty = document.querySelector("#live ~ .empty");
    if (empty && came.count) empty.hidden = true;
    count += came.count + came.more;
    unread += came.unread;
    const left = came.more ? `, the last time ${came.more} more than are shown` : "";
    const tooFast = unread ? `; ${unread} came too fast to be looked at: load the page again` : "";
    counter.textContent = `${count} came since this page was loaded${left}${tooFast}`;
  }

  // It is said aloud whenever the word changes, so nothing is said of a try that fails as the last one did.
  function connect() {
    source = new EventSource(address);
    source.onopen = () => say("live");
    source.onmessage = take;
    source.addEventListener("seen", (event) => address.searchParams.set("after", event.lastEventId));
    source.onerror = () => {
      say("not connected");
      // The browser comes back by itself where the connection was lost. Where it was refused, the next look at how it goes does.
      if (source.readyState === EventSource.CLOSED) source = null;
    };
  }

  function close() {
    source?.close();
    source = null;
  }

  settleStream = () => {
    if (isPaused || document.hidden || unansweredSince || isSignedOut) {
      close();
      say(isPaused ? "paused" : "not connected");
    } else if (!source) {
      connect();
    }
  };

  button.addEventListener("click", () => {
    isPaused = !isPaused;
    button.textContent = isPaused ? "Go on" : "Pause";
    if (!isPaused) say("connecting");
    settleStream();
  });
  document.addEventListener("visibilitychange", settleStream);
  addEventListener("pagehide", close);
  addEventListener("pageshow", settleStream);
  settleStream();
}

const live = document.getElementById("live");
if (live) watch(live);
