const EVERY_MS = 10000;

export default function ({ data, parentElement }) {
  const part = parentElement.querySelector(".part");
  const look = async () => {
    let status;
    try {
      status = (await fetch(data.watched, { cache: "no-store", headers: { accept: "text/plain" } })).status;
    } catch {
      return; // The server is away, which the page says by itself.
    }
    if (status === 401) {
      const back = location.pathname + location.search;
      location.assign(`${data.sign_in}?next=${encodeURIComponent(back)}`);
    }
  };
  clearInterval(part.timer);
  part.timer = setInterval(look, EVERY_MS);
  document.onvisibilitychange = look;
  return () => {
    clearInterval(part.timer);
    document.onvisibilitychange = null;
  };
}
