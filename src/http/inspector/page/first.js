// Runs before everything else.
{
  // Before the first paint, so that the page does not flash in the wrong colours.
  let theme = null;
  try {
    theme = localStorage.getItem('theme');
  } catch {
    // Storage may be forbidden; the system's preference does.
  }
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;

  // A file that can't be had, since the replica died that was asked, or is of another version than the one that
  // sent the page: all of it is asked for again.
  addEventListener('error', ({ target }) => {
    if (target instanceof HTMLScriptElement) setTimeout(() => location.reload(), 1000);
  }, true);
}
