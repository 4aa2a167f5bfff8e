// Runs before the first paint, so that neither a chosen theme nor a closed notice flashes. A classic script: modules run
// too late.
try {
  const theme = localStorage.getItem("chat.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  if (localStorage.getItem("chat.demo-told")) document.documentElement.dataset.demoTold = "";
} catch {
  // Storage may be forbidden; the system's theme and the notice are right then.
}
