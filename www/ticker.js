// Calls what is drawn, a few times a second and only while the page is visible. Pictures that move ask for fewer
// calls where the reader prefers less motion.

const calm = matchMedia("(prefers-reduced-motion: reduce)");
const tasks = [];
let running = false;

/** Calls `draw(now)` up to `hertz` times a second; `calmHertz` where less motion is preferred. */
export function tick(draw, { hertz, calmHertz = hertz }) {
  tasks.push({ draw, hertz, calmHertz, due: 0 });
  if (!running) {
    running = true;
    requestAnimationFrame(frame);
  }
}

function frame() {
  // Not the frame's own timestamp: that lies before events this page has already timed.
  const now = performance.now();
  for (const task of tasks) {
    if (now < task.due) continue;
    task.due = now + 1000 / (calm.matches ? task.calmHertz : task.hertz) - 4;
    task.draw(now);
  }
  requestAnimationFrame(frame);
}
