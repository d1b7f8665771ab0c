// Applies the kept choice of appearance before anything is painted; not a module, because modules run too late for that.
try {
  const theme = localStorage.getItem("chatflow.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Storage may be forbidden: then the system decides.
}
