extension Page {
  /// What the page does. All that comes from the server is put in as text, never as markup.
  static let script = #"""
    'use strict';
    const $ = id => document.getElementById(id);
    const make = (tag, text, parent) => {
      const node = document.createElement(tag);
      if (text !== undefined) node.textContent = text;
      if (parent) parent.append(node);
      return node;
    };
    let token = '', models = [], model = null, file = null, session = null, asking = null, recorder = null;

    async function ask(path, options = {}) {
      const headers = {...options.headers};
      if (token) headers.Authorization = 'Bearer ' + token;
      const answer = await fetch(path, {...options, headers});
      if (answer.status === 401) { $('login').hidden = false; $('token').focus(); }
      if (!answer.ok) {
        const text = await answer.text();
        let message = text;
        try { message = JSON.parse(text).error; } catch {}
        throw new Error(message || 'the server says ' + answer.status);
      }
      return answer;
    }
    const json = (path, body, headers = {}) =>
      ask(path, {method: 'POST', headers: {'Content-Type': 'application/json', ...headers}, body: JSON.stringify(body)});

    async function start() {
      try {
        models = (await (await ask('/models')).json()).models;
        $('login').hidden = true;
      } catch (error) { $('state').textContent = error.message; return; }
      $('state').textContent = models.length === 1 ? 'one model' : models.length + ' models';
      $('models').replaceChildren();
      for (const each of models) {
        const button = make('button', each.name, $('models'));
        make('small', each.task ? each.task.name : each.title, button);
        button.onclick = event => {
          choose(each, button);
          // On a narrow page the model stands below all the others.
          if (event.isTrusted && matchMedia('(max-width: 44rem)').matches) $('model').scrollIntoView();
        };
      }
      if (models.length) $('models').firstChild.click();
    }
    $('login').onsubmit = event => { event.preventDefault(); token = $('token').value.trim(); start(); };

    const shape = port => port.name + '  ' + port.datatype + ' [' + port.shape.map(n => n < 0 ? '?' : n).join(', ') + ']';

    async function choose(next, button) {
      if (session) await closeSession();
      model = next; file = null;
      for (const each of $('models').children) each.setAttribute('aria-current', each === button);
      $('model').hidden = false;
      $('name').textContent = model.name;
      $('purpose').textContent = model.task ? model.task.purpose : model.title;
      const facts = model.facts.map(fact => [fact.name, fact.value]);
      if (model.weights) facts.push(['Weights', model.weights.toLocaleString('en')]);
      for (const port of model.inputs) facts.push(['In', shape(port)]);
      for (const port of model.outputs) facts.push(['Out', shape(port)]);
      $('facts').replaceChildren();
      for (const [name, value] of facts) { make('dt', name, $('facts')); make('dd', value, $('facts')); }
      showTask();
      showSession();
    }

    // Tasks

    function showTask() {
      $('task').hidden = !model.task;
      if (!model.task) return;
      $('data').value = ''; $('file').value = ''; $('fileName').textContent = '';
      $('answers').replaceChildren(); $('notes').replaceChildren(); $('text').hidden = true;
      const {input, columns, streams, answersWithoutData, explains} = model.task;
      const rows = 'rows of CSV with a header' + (columns.length ? ': ' + columns.join(', ') : '');
      const isText = input === 'table' || input === 'lines';
      $('explain').hidden = !explains;
      if (recorder) recorder.stop();
      $('record').hidden = input !== 'recording' || !navigator.mediaDevices || !window.MediaRecorder;
      $('data').hidden = !isText; $('problem').textContent = '';
      $('pad').hidden = input !== 'images';
      if (input === 'images') wipe();
      $('dataLabel').textContent = streams ? 'A prompt to go on from'
        : answersWithoutData ? 'Rows of CSV with a header (without any, it goes on from what it has learned)'
        : input === 'recording' ? 'A recording, as a WAV file'
        : input === 'images' ? 'An image: draw one, or choose a file'
        : input === 'clips' ? 'A clip: GIF, or an array of NumPy’s of frames, rows and columns'
        : input === 'table' ? 'R' + rows.slice(1)
        : 'A line of text each' + (columns.length ? ', or ' + rows : '');
      $('options').replaceChildren();
      for (const option of model.task.options) {
        if (option.name === 'prompt') continue;
        const label = make('label', option.name + ' ', $('options'));
        const input = make('input', undefined, label);
        input.name = option.name; input.dataset.kind = option.kind;
        if (option.kind === 'flag') input.type = 'checkbox'; else input.placeholder = option.valueName;
        make('small', option.help, label);
      }
    }

    function chosenOptions() {
      const options = {};
      for (const input of $('options').querySelectorAll('input')) {
        if (input.dataset.kind === 'flag') { if (input.checked) options[input.name] = true; }
        else if (input.value) options[input.name] = input.dataset.kind === 'values' ? input.value.split(/\s+/) : input.value;
      }
      return options;
    }

    /// Whether what was typed is a table: a line of text may have commas too, but no names of columns between them.
    function isTable(text) {
      if (model.task.input !== 'lines') return true;
      const names = text.split('\n', 1)[0].split(/[,;\t]/).map(name => name.trim().replace(/^"(.*)"$/, '$1'));
      return model.task.columns.some(name => names.includes(name));
    }

    /// The explanation in a page of its own.
    async function explain() {
      $('problem').textContent = '';
      try {
        const body = {options: chosenOptions()}, text = file ? await file.text() : $('data').value;
        if (text.trim()) body[isTable(text) ? 'csv' : 'text'] = text.endsWith('\n') ? text : text + '\n';
        const reply = await json('/tasks/' + encodeURIComponent(model.name) + '/explain', body, {Accept: 'text/html'});
        showNotes(reply);
        const url = URL.createObjectURL(new Blob([await reply.text()], {type: 'text/html'}));
        const link = make('a', 'Open the explanation', $('problem'));
        link.href = url; link.target = '_blank'; link.rel = 'noopener';
      } catch (error) { $('problem').textContent = error.message; }
    }
    $('explain').onclick = explain;

    async function answer() {
      const path = '/tasks/' + encodeURIComponent(model.name) + '/predict', options = chosenOptions();
      const isDrawn = !file && !$('pad').hidden && drawn;
      if (!file && !isDrawn && !model.task.answersWithoutData && !$('data').value.trim()) {
        $('answers').replaceChildren();
        $('problem').textContent = !$('pad').hidden ? 'Draw something, or choose a file.'
          : $('data').hidden ? 'Choose a file.' : 'Type something, or choose a file.';
        return;
      }
      $('problem').textContent = ''; $('answers').replaceChildren(); $('notes').replaceChildren();
      $('text').hidden = true; $('send').disabled = true;
      try {
        // Several texts, or numbers beside one, come when all is written.
        const isOne = !options.probabilities && (options.samples ?? '1') === '1';
        if (model.task.streams && !file && isOne) return await write(path, options);
        let reply;
        if (file) {
          const query = new URLSearchParams(Object.entries(options).map(([k, v]) => [k, v === true ? '' : v]));
          const sent = await readable(file), headers = {'Content-Type': fileType(sent.name)};
          if (model.task.writes.length) headers.Accept = 'image/gif';
          reply = await ask(path + '?' + query, {method: 'POST', headers, body: sent});
          if (model.task.writes.length) return await showFrames(reply);
        } else if (isDrawn) {
          reply = await json(path, {clips: [pixels()], options});
        } else {
          const text = $('data').value, body = {options};
          if (model.task.streams) options.prompt = text;
          else if (text.trim()) body[isTable(text) ? 'csv' : 'text'] = text.endsWith('\n') ? text : text + '\n';
          reply = await json(path, body);
        }
        showNotes(reply);
        showAnswers(await reply.json());
      } catch (error) {
        $('problem').textContent = error.message;
      } finally { $('send').disabled = false; }
    }
    $('ask').onsubmit = event => { event.preventDefault(); answer(); };

    /// What was mended or assumed in reading the data.
    function showNotes(reply) {
      const notes = JSON.parse(reply.headers.get('X-Refrain-Notes') || '[]');
      $('notes').replaceChildren();
      for (const note of notes) make('li', note, $('notes'));
    }

    /// A text as it is written.
    async function write(path, options) {
      options.prompt = $('data').value;
      asking = new AbortController();
      $('stop').hidden = false; $('text').hidden = false; $('text').textContent = options.prompt;
      try {
        const reply = await ask(path, {
          method: 'POST', signal: asking.signal, body: JSON.stringify({options}),
          headers: {'Content-Type': 'application/json', Accept: 'text/event-stream'}});
        await eachEvent(reply, data => { if (data.text) $('text').append(data.text); });
      } catch (error) {
        if (error.name !== 'AbortError') throw error;
      } finally { $('stop').hidden = true; }
    }
    $('stop').onclick = () => asking && asking.abort();

    async function eachEvent(reply, body) {
      const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = '';
      for (;;) {
        const {value, done} = await reader.read();
        if (done) return;
        const parts = (rest + value).split('\n\n');
        rest = parts.pop();
        for (const part of parts) {
          const lines = part.split('\n'), line = lines.find(line => line.startsWith('data: '));
          if (!line) continue;
          const data = JSON.parse(line.slice(6));
          if (lines.includes('event: error')) throw new Error(data.error);
          body(data);
        }
      }
    }

    const shown = value => value === null || value === undefined ? '–'
      : typeof value === 'number' ? (Number.isInteger(value) ? String(value) : value.toPrecision(5))
      : Array.isArray(value) ? value.map(shown).join(', ')
      : typeof value === 'object' ? Object.entries(value).map(([name, each]) => name + ' ' + shown(each)).join(', ')
      : String(value);

    function showAnswers(answers) {
      const rows = answers.slice(0, 500).map(a => a && typeof a === 'object' && !Array.isArray(a) ? a : {answer: a});
      const names = [...new Set(rows.flatMap(row => Object.keys(row)))];
      const head = make('tr', undefined, $('answers'));
      for (const name of names) make('th', name, head);
      for (const row of rows) {
        const line = make('tr', undefined, $('answers'));
        if (row.isAnomaly) line.className = 'alarm';
        for (const name of names) {
          const text = shown(row[name]), cell = make('td', text, line);
          if (text.length > 40) cell.className = 'long';
        }
      }
      if (answers.length > rows.length) {
        const cell = make('td', 'and ' + (answers.length - rows.length) + ' more', make('tr', undefined, $('answers')));
        cell.colSpan = names.length;
      }
      if (!answers.length) $('problem').textContent = 'There is no answer.';
    }

    // Files that are chosen or dropped

    function take(chosen) {
      file = chosen || null;
      if (file && !$('pad').hidden) wipe();
      $('fileName').textContent = file ? file.name + ', ' + file.size.toLocaleString('en') + ' bytes' : '';
    }
    $('file').onchange = () => take($('file').files[0]);
    $('data').oninput = () => { take(null); $('file').value = ''; };
    for (const area of [$('ask'), $('steps')]) {
      area.ondragover = event => { event.preventDefault(); area.classList.add('over'); };
      area.ondragleave = () => area.classList.remove('over');
      area.ondrop = async event => {
        event.preventDefault(); area.classList.remove('over');
        const dropped = event.dataTransfer.files[0];
        if (!dropped) return;
        if (area === $('ask')) take(dropped); else area.value = await dropped.text();
      };
    }

    // Sessions

    let queue = [], playing = false, snapshot = null, history = [], strips = new Map();

    function showSession() {
      const kind = model.session && model.session.kind;
      $('session').hidden = !kind || kind === 'frames';
      if ($('session').hidden) return;
      $('stepText').textContent = kind === 'text' ? 'Lines of text are read token by token; the line shows how likely each was.'
        : kind === 'recording' ? 'What is said of it while it is heard.'
        : 'A step is ' + model.session.input + '; one on each line, between commas.';
      $('steps').value = kind === 'layers' ? sample() : '';
      $('steps').hidden = $('play').hidden = kind === 'recording';
      $('listen').hidden = kind !== 'recording' || !navigator.mediaDevices || !window.AudioContext;
      $('write').hidden = kind !== 'text';
      reset();
    }

    /// Something to look at: waves, or tokens.
    function sample() {
      const port = model.inputs[0], size = port.shape.slice(2).reduce((a, b) => a * b, 1);
      const limit = /to (\d+)/.exec(model.session.input);
      const line = t => limit ? String((t * 7) % (Number(limit[1]) + 1))
        : Array.from({length: size}, (_, i) => Math.sin(t / (3 + i % 7) + i).toFixed(3)).join(',');
      return Array.from({length: 60}, (_, t) => line(t)).join('\n');
    }

    function reset() {
      queue = []; playing = false; history = []; snapshot = null; strips.clear();
      $('gates').replaceChildren(); $('sessionState').textContent = ''; $('sessionProblem').textContent = '';
      $('written').hidden = true; $('written').textContent = '';
      for (const id of ['snapshot', 'restore', 'close']) $(id).disabled = true;
      $('play').hidden = model && model.session && model.session.kind === 'recording'; $('pause').hidden = true;
      drawOutputs();
    }

    async function play() {
      $('sessionProblem').textContent = '';
      try {
        await openSession();
        if (!queue.length) queue = $('steps').value.split('\n').filter(line => line.trim());
        if (model.session.kind === 'rows' && queue.length && /[a-z]/i.test(queue[0])) {
          // A header: rows go as a table, so that times are read.
          const head = queue.shift();
          queue = queue.map(line => head + '\n' + line + '\n');
        }
        playing = true; $('play').hidden = true; $('pause').hidden = false;
        while (playing && queue.length) {
          await step(queue.shift());
          await new Promise(done => setTimeout(done, 30));
        }
      } catch (error) { $('sessionProblem').textContent = error.message; queue = []; }
      playing = false; $('play').hidden = false; $('pause').hidden = true;
    }
    $('play').onclick = play;
    $('pause').onclick = () => { playing = false; };

    async function step(line) {
      const path = '/sessions/' + session.id + '/steps?gates=true';
      const reply = line.includes('\n')
        ? await ask(path, {method: 'POST', headers: {'Content-Type': 'text/csv'}, body: line})
        : model.session.kind === 'text' ? await json(path, {text: line + '\n'})
        : await json(path, {input: line.split(',').map(text => text.trim() === '' ? null : Number(text))});
      showOutputs(await reply.json());
    }

    $('snapshot').onclick = async () => {
      try {
        snapshot = await (await json('/sessions/' + session.id + '/snapshots', {})).json();
        snapshot.history = history.slice();
        $('restore').disabled = false;
        $('sessionState').textContent = 'snapshot after ' + snapshot.steps + ' steps';
      } catch (error) { $('sessionProblem').textContent = error.message; }
    };
    $('restore').onclick = async () => {
      try {
        const back = await (await json('/sessions/' + session.id + '/restore', {snapshot: snapshot.snapshot})).json();
        history = snapshot.history.slice(); queue = [];
        drawOutputs();
        $('sessionState').textContent = 'back after ' + back.steps + ' steps';
      } catch (error) { $('sessionProblem').textContent = error.message; }
    };
    async function closeSession() {
      const id = session.id;
      session = null; playing = false;
      try { await ask('/sessions/' + id, {method: 'DELETE'}); } catch {}
      reset();
    }
    $('close').onclick = closeSession;

    const ink = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    function fit(canvas) {
      const scale = window.devicePixelRatio || 1, width = Math.max(1, Math.round(canvas.clientWidth * scale));
      const height = Math.round(canvas.getAttribute('height-css') || 140) * scale;
      if (canvas.width !== width || canvas.height !== height) {
        canvas.width = width; canvas.height = height; canvas.style.height = height / scale + 'px';
      }
      return canvas.getContext('2d');
    }

    function drawOutputs() {
      const canvas = $('outputs'), pen = fit(canvas), {width, height} = canvas;
      pen.clearRect(0, 0, width, height);
      if (!history.length) return;
      const isRows = !Array.isArray(history[0]);
      // Each row speaks of its oddest channel: values of several channels make no line.
      const isMixed = isRows && new Set(history.map(d => d.channel)).size > 1;
      const seen = isMixed ? 'score' : 'seen', expected = isMixed ? 'threshold' : 'expected';
      $('outputsCaption').textContent = isMixed ? 'Scores and threshold' : isRows ? 'Seen and expected' : 'Outputs';
      const lines = isRows ? [history.map(d => d[seen]), history.map(d => d[expected])]
        : history[0].slice(0, 8).map((_, i) => history.map(values => values[i]));
      const all = lines.flat().filter(value => typeof value === 'number');
      const low = Math.min(...all), high = Math.max(...all, low + 1e-6);
      const x = t => (t + .5) / Math.max(60, history.length) * width;
      const y = value => height - 8 - (value - low) / (high - low) * (height - 16);
      const colors = [ink('--strong'), ink('--quiet'), '#c77d0a', '#7a5cc0', '#3c8d4a', '#b3477a', '#4677c4', '#8a6d3b'];
      lines.forEach((line, i) => {
        pen.beginPath(); pen.strokeStyle = colors[i % colors.length]; pen.lineWidth = 2;
        let down = false;
        line.forEach((value, t) => {
          if (typeof value !== 'number') { down = false; return; }
          if (down) pen.lineTo(x(t), y(value)); else pen.moveTo(x(t), y(value));
          down = true;
        });
        pen.stroke();
      });
      if (isRows) history.forEach((d, t) => {
        if (!d.isAnomaly) return;
        pen.fillStyle = ink('--alarm'); pen.beginPath(); pen.arc(x(t), y(d[seen] ?? d[expected]), 6, 0, 7); pen.fill();
      });
    }

    window.onresize = drawOutputs;
    """#
}
