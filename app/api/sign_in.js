const field = document.getElementById("password");
const reveal = document.getElementById("reveal");
reveal.hidden = false;
reveal.addEventListener("click", () => {
  const shown = field.type === "text";
  field.type = shown ? "password" : "text";
  reveal.setAttribute("aria-pressed", String(!shown));
  reveal.setAttribute("aria-label", shown ? "Show password" : "Hide password");
  field.focus();
});
