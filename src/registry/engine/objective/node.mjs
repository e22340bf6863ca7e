// Writes node.tsv: expressions made at random, and what they come to with A = 87, B = 0, C = -3.5. `node node.mjs > node.tsv`
let seed = 12345;
const below = n => (seed = (seed * 1103515245 + 12345) % 2147483648, Math.floor(seed / 2147483648 * n));
const one = list => list[below(list.length)];
const atoms = ["0", "1", "90.00", "95.5", "1e3", "'5'", "''", "'abc'", "true", "false", "null", "undefined", "NaN", "Infinity",
  "A", "B", "C", '"10"', "' 7 '"];
const signs = ["*", "/", "%", "+", "-", "<", "<=", ">", ">=", "==", "!=", "===", "!==", "&&", "||"];
function expression(depth) {
  if (depth === 0) return one(atoms);
  const inner = () => expression(depth - 1);
  switch (below(7)) {
    case 0: return one(["!", "-", "+"]) + "(" + inner() + ")";
    case 1: return "(" + inner() + ")";
    case 2: return inner() + " ? " + inner() + " : " + inner();
    case 3: return "(" + inner() + ") ?? (" + inner() + ")";
    default: return inner() + " " + one(signs) + " " + inner();
  }
}
const shown = it => typeof it === "string" ? '"' + it + '"' : Object.is(it, -0) ? "-0" : String(it);
const lines = new Map();
while (lines.size < 400) {
  const text = expression(1 + below(3));
  if (text.length > 70) continue;
  try {
    lines.set(text, shown(new Function("A", "B", "C", "return (" + text + ")")(87, 0, -3.5)));
  } catch { /* `a ?? b || c` is no JavaScript */ }
}
for (const [text, value] of lines) console.log(text + "\t" + value);
