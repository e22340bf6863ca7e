// Before the first paint, so that a dark page does not flash white. The rest is in src/app/theme.ts.
(function () {
  var wish = null;
  try {
    wish = localStorage.getItem('vite-ui-theme');
  } catch (error) {
    wish = null;
  }
  var dark = wish === 'dark' || (wish !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches);
  document.documentElement.classList.add(dark ? 'dark' : 'light');
})();
