// Runs before the first paint, so that the page does not flash in the wrong colours.
{
  let theme = null;
  try {
    theme = localStorage.getItem('theme');
  } catch {
    // Storage may be forbidden; the system's preference does.
  }
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
}
