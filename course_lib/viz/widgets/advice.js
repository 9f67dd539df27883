// Which model for what is asked, as pure functions over a table of measured numbers. A model is {name, label, can, values},
// values a list over seeds for each measure that it has; a measure is {name, better: "low" or "high", log}.

const average = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

// Where a value lies between the worst (0) and the best (1) mean of all models, on a logarithmic scale where `log` says so.
export function goodness(value, { means, better, log }) {
  const on = (v) => (log ? Math.log(Math.max(v, 1e-12)) : v);
  const [low, high] = [Math.min(...means), Math.max(...means)].map(on);
  if (high === low) return 1;
  const share = Math.min(Math.max((on(value) - low) / (high - low), 0), 1);
  return better === "high" ? share : 1 - share;
}

// What a model can't do at all counts as the worst.
function scoreOf(model, measures, weights, pick) {
  let [sum, total] = [0, 0];
  for (const measure of measures) {
    const weight = weights[measure.name] ?? 0;
    if (!weight) continue;
    total += weight;
    const values = model.values[measure.name];
    if (values) sum += weight * goodness(pick(values, measure), measure);
  }
  return total ? sum / total : 0;
}

// The models that can do what is needed, best first, each with its score for the mean over seeds, and for the worst and the
// best seed of every measure. `needs`: names of what a model must be able to do.
export function ranked(models, measures, weights, needs) {
  const known = measures.map((measure) => {
    const means = models.filter((m) => m.values[measure.name]).map((m) => average(m.values[measure.name]));
    return { ...measure, means };
  });
  const least = (values, { better }) => (better === "low" ? Math.max(...values) : Math.min(...values));
  const most = (values, { better }) => (better === "low" ? Math.min(...values) : Math.max(...values));
  return models
    .filter((model) => needs.every((need) => model.can[need]))
    .map((model) => ({
      name: model.name,
      score: scoreOf(model, known, weights, average),
      low: scoreOf(model, known, weights, least),
      high: scoreOf(model, known, weights, most),
    }))
    .sort((a, b) => b.score - a.score);
}

// Those that the first isn't ahead of for every seed.
export function tied(order) {
  return order.slice(1).filter(({ high }) => high >= order[0].low);
}
