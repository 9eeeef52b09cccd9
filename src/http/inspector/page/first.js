// Runs before every other script.
{
  // Before the first paint, so that the page does not flash in the wrong colours.
  let theme = null;
  try {
    theme = localStorage.getItem('theme');
  } catch {
    // Storage may be forbidden; the system's preference then applies.
  }
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;

  // A file failed to load: its replica died, or has another version than the one that sent the page.
  // Reloads the whole page.
  addEventListener('error', ({ target }) => {
    if (target instanceof HTMLScriptElement) setTimeout(() => location.reload(), 1000);
  }, true);
}
