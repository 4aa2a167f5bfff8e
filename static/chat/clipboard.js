import { toast } from "./toast.js";

/** Puts text into the clipboard; pages that are not served over https have only the old way. */
async function write(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const field = document.createElement("textarea");
  field.value = text;
  document.body.append(field);
  field.select();
  const copied = document.execCommand("copy");
  field.remove();
  if (!copied) throw new Error("copying is not allowed");
  return undefined;
}

async function copy(text) {
  try {
    await write(text);
    toast("Copied");
  } catch {
    toast("The browser did not allow copying");
  }
}

/** One listener for every Copy button of the transcript. */
export function listenForCopies(root) {
  root.addEventListener("click", ({ target }) => {
    const button = target.closest("button.copy-text, button.copy-code");
    if (!button) return;
    copy(button.copyText ?? button.closest("figure").querySelector("code").textContent);
  });
}
