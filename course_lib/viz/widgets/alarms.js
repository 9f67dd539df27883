// Which stretches of a stream raise an alarm at a threshold, and what the alarms are worth, as pure functions.
//
// A stream is N stretches of equal length. `scores` {values, shape: [N, P]} holds P scores of each stretch, made when its
// samples up to `ends[p]` (P numbers) had come; `onsets` (N numbers) is each fault's first sample, -1 where there is none.

// The largest score of each stretch.
export function peaks({ values, shape: [count, places] }) {
  return Array.from({ length: count }, (_, n) => Math.max(...values.subarray(n * places, (n + 1) * places)));
}

// From a fault's first sample to the end of the first alarm at or after it, in samples; null where there is none.
export function delays({ values, shape: [count, places] }, ends, onsets, threshold) {
  return Array.from({ length: count }, (_, n) => {
    if (onsets[n] < 0) return null;
    for (let p = 0; p < places; p++)
      if (ends[p] >= onsets[n] && values[n * places + p] > threshold) return ends[p] - onsets[n];
    return null;
  });
}

export function median(numbers) {
  if (!numbers.length) return null;
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 ? sorted[Math.floor(middle)] : (sorted[middle - 1] + sorted[middle]) / 2;
}

// A stretch with a fault is found if a score above the threshold was made at or after the fault's first sample; all
// other alarms are false. One stretch gives at most one alarm.
export function outcome(scores, ends, onsets, threshold) {
  const waits = delays(scores, ends, onsets, threshold);
  const raised = peaks(scores).map((peak) => peak > threshold);
  const count = (test) => raised.filter((_, n) => test(n)).length;
  const found = count((n) => waits[n] !== null);
  const falseAlarms = count((n) => raised[n] && waits[n] === null);
  return {
    alarms: found + falseAlarms,
    found,
    falseAlarms,
    faults: count((n) => onsets[n] >= 0),
    precision: found + falseAlarms ? found / (found + falseAlarms) : null,
    delay: median(waits.filter((wait) => wait !== null)),
    raised,
  };
}

// The first stretch after `from` for which `test` holds, searched in a circle; `from` itself if there is none other.
export function next(count, from, test) {
  for (let i = 1; i <= count; i++) if (test((from + i) % count)) return (from + i) % count;
  return from;
}
