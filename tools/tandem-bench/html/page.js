'use strict';
// Shows `result`, and `baseline` (another result or null) beside it.

const byId = id => document.getElementById(id);
const element = (tag, text, className) => {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
};
const at = (object, path) => path.split('.').reduce((inner, key) => inner == null ? undefined : inner[key], object);

// 1234567 -> "1.23 M", small numbers with three digits.
function short(value) {
  for (const [unit, size] of [['G', 1e9], ['M', 1e6], ['k', 1e3]]) {
    if (Math.abs(value) >= size) return `${(value / size).toPrecision(3)} ${unit}`;
  }
  return value >= 100 || Number.isInteger(value) ? value.toFixed(0) : value.toPrecision(3);
}
function time(us) {
  if (us >= 1e6) return `${(us / 1e6).toPrecision(3)} s`;
  if (us >= 1e3) return `${(us / 1e3).toPrecision(3)} ms`;
  return `${us >= 100 ? us.toFixed(0) : us.toPrecision(3)} µs`;
}
const percent = share => `${(100 * share).toFixed(0)} %`;
const plain = value => String(value);

const isReconnect = result.mode === 'reconnect';
const unit = isReconnect ? 'connections' : 'messages';
const colors = { rate: '#2563a8', sent: '#9db7d3', p50: '#2a9d74', p99: '#d98a1f', p999: '#b3261e', before: '#9aa5b1' };

function showHeader() {
  const loop = result.rate_per_s > 0 ? `open loop, ${short(result.rate_per_s)}/s`
    : result.interval_ms > 0 ? `open loop, every ${result.interval_ms} ms` : `closed loop, window ${result.window}`;
  const versions = { 3: '3.1', 4: '3.1.1', 5: '5.0' };
  byId('title').textContent = `tandem-bench: ${result.mode}`;
  byId('settings').textContent = [`${result.clients} clients`, `QoS ${result.qos}`, `${result.payload_bytes} bytes`, loop,
    `MQTT ${versions[result.version]}`, `${result.measured_s.toFixed(1)} s`].join(' · ');
  const verdict = byId('verdict');
  const faults = ['lost', 'duplicates', 'reordered', 'clients_lost', 'publishes_refused', 'foreign_messages', 'copies_given_up']
    .filter(name => result[name] > 0).map(name => `${result[name]} ${name.replace('_', ' ')}`);
  if (result.generator_was_limit) faults.push('the generator was the limit, not the broker');
  verdict.textContent = faults.length ? faults.join(', ') : 'Nothing lost, nothing twice, nothing out of order';
  verdict.className = faults.length ? 'bad' : 'good';
}

// What is shown large: name, path, format, and whether more is better.
const tiles = [
  [`${unit}/s`, 'messages_per_s', short, true],
  ['p50', 'latency_us.p50', time, false],
  ['p99', 'latency_us.p99', time, false],
  ['p99.9', 'latency_us.p99_9', time, false],
  [`CPU/${unit.slice(0, -1)}`, 'broker_cpu_us_per_message', time, false],
  ['connected in', 'connect_s', value => time(value * 1e6), false],
];
function showTiles() {
  for (const [name, path, format, moreIsBetter] of tiles) {
    const value = at(result, path);
    if (value == null) continue;
    const tile = element('div', undefined, 'tile');
    tile.append(element('div', name, 'name'), element('div', format(value), 'value'));
    const before = at(baseline, path);
    if (before != null && before !== 0) {
      const change = (value - before) / before;
      const better = change === 0 ? '' : (change > 0) === moreIsBetter ? 'good' : 'bad';
      tile.append(element('div', `${change >= 0 ? '+' : ''}${(100 * change).toFixed(1)} % (was ${format(before)})`,
        `change ${Math.abs(change) < 0.02 ? '' : better}`));
    }
    byId('tiles').append(tile);
  }
}

const figures = [
  [`${unit} received per second`, 'messages_per_s', short], [`${unit} received`, 'received', short],
  ['published', 'published', short], ['latency p50', 'latency_us.p50', time], ['latency p99', 'latency_us.p99', time],
  ['latency p99.9', 'latency_us.p99_9', time], ['latency max', 'latency_us.max', time],
  ['acknowledged p50', 'acknowledged_us.p50', time], ['acknowledged p99', 'acknowledged_us.p99', time],
  ['acknowledged p99.9', 'acknowledged_us.p99_9', time],
  [`broker CPU per ${unit.slice(0, -1)}`, 'broker_cpu_us_per_message', time], ['broker cores in use', 'broker_cores', value => value.toFixed(2)],
  ['generator busy', 'generator_busy', percent], ['lost', 'lost', plain], ['duplicates', 'duplicates', plain],
  ['duplicates that QoS 1 allows', 'allowed_duplicates', plain], ['reordered', 'reordered', plain],
  ['first error', 'first_error', plain],
];
function showFigures() {
  const table = byId('figures');
  const head = element('tr');
  head.append(element('th', 'figure'), element('th', 'this run'));
  if (baseline) head.append(element('th', 'baseline'));
  table.append(head);
  for (const [name, path, format] of figures) {
    const value = at(result, path);
    if (value == null || value === '') continue;
    if (path.startsWith('acknowledged') && result.acknowledged_us.count === 0) continue;
    const row = element('tr');
    row.append(element('td', name), element('td', format(value)));
    if (baseline) {
      const before = at(baseline, path);
      row.append(element('td', before == null ? '' : format(before)));
    }
    table.append(row);
  }
}

function plot(id, height, options, data) {
  const place = byId(id);
  if (data[0].length < 2) {
    place.append(element('div', 'too short a run for a plot', 'empty'));
    return;
  }
  const width = () => place.clientWidth;
  const made = new uPlot({ width: width(), height, ...options }, data, place);
  new ResizeObserver(() => made.setSize({ width: width(), height })).observe(place);
}
const axis = (format, size = 70) => ({ size, stroke: '#5c6b7a', grid: { stroke: '#eef1f4' }, ticks: { stroke: '#dde3e9' },
  values: (_, values) => values.map(value => value == null ? '' : format(value)) });
const line = (label, stroke, format, more) =>
  ({ label, stroke, width: 2, points: { show: false }, value: (_, value) => value == null ? '' : format(value), ...more });
const seconds = value => `${value.toFixed(0)} s`;
const secondsAxis = { ...axis(seconds, 40), incrs: [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600] };

function showSeries() {
  const columns = result.series.length ? result.series[0].map((_, column) => result.series.map(row => row[column])) : [[]];
  const [times, sent, received, p50, p99, p999] = columns;
  const x = { time: false };
  plot('rates', 260, {
    scales: { x, y: { range: (_, low, high) => [0, high > 0 ? high * 1.1 : 1] } },
    series: [{ label: 'time', value: (_, value) => value == null ? '' : seconds(value) },
      line('received', colors.rate, short, { fill: '#2563a814' }), line(isReconnect ? 'opened' : 'published', colors.sent, short)],
    axes: [secondsAxis, axis(short)],
  }, [times, received, sent]);
  plot('latencies', 260, {
    scales: { x, y: { distr: 3 } },
    series: [{ label: 'time', value: (_, value) => value == null ? '' : seconds(value) },
      line('p50', colors.p50, time), line('p99', colors.p99, time), line('p99.9', colors.p999, time)],
    axes: [secondsAxis, axis(time)],
  }, [times, ...[p50, p99, p999].map(column => column && column.map(value => Math.max(value, 0.1)))]);
}

// The x axis counts nines: 1 / (1 - fraction) on a logarithmic scale, as HdrHistogram's plots do.
const nines = fraction => 1 / (1 - fraction);
function percentileName(inverse) {
  const share = 100 * (1 - 1 / inverse);
  return `${share.toFixed(Math.max(0, Math.ceil(Math.log10(inverse) - 2)))} %`;
}
function showDistribution() {
  const curve = points => points.filter(([fraction]) => fraction < 1).map(([fraction, us]) => [nines(fraction), Math.max(us, 0.1)]);
  const now = curve(result.distribution);
  const before = baseline ? curve(baseline.distribution) : [];
  const xs = [...new Set([...now, ...before].map(([x]) => x))].sort((a, b) => a - b);
  const column = points => { const map = new Map(points); return xs.map(x => map.get(x) ?? null); };
  const series = [{ label: 'percentile', value: (_, value) => value == null ? '' : percentileName(value) },
    line(baseline ? 'this run' : 'latency', colors.rate, time, { spanGaps: true, fill: '#2563a814' })];
  const data = [xs, column(now)];
  if (baseline) {
    series.push(line('baseline', colors.before, time, { spanGaps: true, dash: [6, 4] }));
    data.push(column(before));
  }
  plot('distribution', 300, {
    padding: [null, 48, null, null], scales: { x: { time: false, distr: 3 }, y: { distr: 3 } }, series,
    axes: [axis(percentileName, 40), axis(time)],
  }, data);
}

showHeader();
showTiles();
showSeries();
showDistribution();
showFigures();
