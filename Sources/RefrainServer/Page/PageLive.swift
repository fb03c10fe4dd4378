extension Page {
  /// How the page shows what sessions say, has a language model go on, and listens to a microphone. It goes on where
  /// the script ends.
  static let live = #"""
    // What sessions say

    async function openSession() {
      const whose = model;
      if (!session) {
        const begun = await (await json('/sessions', {model: whose.name})).json();
        if (model !== whose) {
          ask('/sessions/' + begun.id, {method: 'DELETE'}).catch(() => {});
          throw new Error('Another model was chosen.');
        }
        session = begun;
      }
      $('snapshot').disabled = $('close').disabled = false;
    }

    function showOutputs(said) {
      $('sessionState').textContent = said.steps + ' steps taken';
      const kind = model.session.kind;
      for (const output of said.outputs) {
        if (kind === 'text') history.push([output.probability]);
        else if (kind !== 'recording') history.push(output);
        else if (output.answer) {
          $('written').hidden = false;
          $('written').textContent = output.answer.text ?? shown(output.answer);
          if (output.answer.probabilities) history.push(Object.values(output.answer.probabilities));
        }
      }
      history = history.slice(-300);
      drawOutputs();
      for (const gate of said.gates || []) drawGate(gate);
    }

    /// A column for each step, a row for each unit.
    function drawGate(gate) {
      const key = gate.layer + ' ' + gate.name;
      let strip = strips.get(key);
      if (!strip) {
        const figure = make('figure', undefined, $('gates')), canvas = make('canvas', undefined, figure);
        canvas.setAttribute('height-css', Math.min(96, Math.max(24, gate.values.length * 3)));
        make('figcaption', 'layer ' + (gate.layer + 1) + ', ' + gate.name, figure);
        strip = {canvas, columns: []};
        strips.set(key, strip);
      }
      strip.columns.push(gate.values);
      strip.columns = strip.columns.slice(-300);
      const pen = fit(strip.canvas), {width, height} = strip.canvas, count = Math.max(60, strip.columns.length);
      pen.clearRect(0, 0, width, height);
      strip.columns.forEach((column, t) => column.forEach((value, unit) => {
        // Gates lie from 0 to 1, states from −1 to 1: one color for each side.
        const strength = Math.min(1, Math.abs(value));
        pen.fillStyle = value < 0 ? `rgba(199,125,10,${strength})` : `rgba(20,140,150,${strength})`;
        const left = Math.floor(t / count * width), right = Math.floor((t + 1) / count * width);
        const top = Math.floor(unit / column.length * height), end = Math.floor((unit + 1) / column.length * height);
        pen.fillRect(left, top, Math.max(1, right - left), Math.max(1, end - top));
      }));
    }
    // Texts and voices as they come

    /// A text from where the session stands.
    async function goOn() {
      const whose = model;
      $('sessionProblem').textContent = ''; $('write').disabled = true;
      try {
        await openSession();
        $('written').hidden = false;
        const path = '/sessions/' + session.id + '/generate?length=100&seed=' + Math.floor(Math.random() * 1e9);
        const reply = await ask(path, {method: 'POST', headers: {Accept: 'text/event-stream'}});
        await eachEvent(reply, data => {
          if (model !== whose) return;
          if (data.text) $('written').append(data.text);
          if (data.steps) $('sessionState').textContent = data.steps + ' steps taken';
        });
      } catch (error) { if (model === whose) $('sessionProblem').textContent = error.message; }
      $('write').disabled = false;
    }
    $('write').onclick = goOn;

    let listening = null;

    /// Sends what the microphone hears, part after part, until it is called again; then asks for the answer to all.
    async function listen() {
      if (listening) { listening.stop(); return; }
      $('sessionProblem').textContent = '';
      const rate = /of (\d+) a second/.exec(model.session.input), whose = model;
      if (!rate) { $('sessionProblem').textContent = 'This model reads no sound, but features of it.'; return; }
      let parts = [], isOver = false, context = null, microphone = null;
      listening = {stop: () => { isOver = true; }};
      try {
        await openSession();
        microphone = await navigator.mediaDevices.getUserMedia({audio: true});
        context = new AudioContext({sampleRate: Number(rate[1])});
        const source = context.createMediaStreamSource(microphone), tap = context.createScriptProcessor(2048, 1, 1);
        tap.onaudioprocess = event => parts.push(event.inputBuffer.getChannelData(0).slice());
        source.connect(tap); tap.connect(context.destination);
        $('listen').textContent = 'Stop listening';
        const push = async (type, body) => {
          const path = '/sessions/' + session.id + '/steps?gates=true';
          const headers = {'Content-Type': type, Accept: 'application/json'};
          showOutputs(await (await ask(path, {method: 'POST', headers, body})).json());
        };
        while (session && model === whose) {
          // What came during the last push is sent before the end.
          const isLast = isOver, heard = parts;
          parts = [];
          if (heard.length) await push('application/octet-stream', new Blob(heard));
          if (isLast) break;
          await new Promise(done => setTimeout(done, 100));
        }
        if (session && model === whose) await push('application/json', '{"end": true}');
      } catch (error) { if (model === whose) $('sessionProblem').textContent = error.message; }
      for (const track of microphone ? microphone.getTracks() : []) track.stop();
      if (context) context.close();
      listening = null; $('listen').textContent = 'Listen';
    }
    $('listen').onclick = listen;
    """#
}
