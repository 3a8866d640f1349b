export default function ({ data }) {
  const form = document.createElement("form");
  form.method = "post";
  form.action = data.action;
  document.body.append(form);
  form.submit();
}
