extension Page {
  /// How the page draws images for tasks that take such, and shows frames. It goes on where the script ends.
  static let drawing = #"""
    // A drawing

    const pad = $('drawing'), ink2d = pad.getContext('2d', {willReadFrequently: true});
    let pen = null, drawn = false;

    /// So many points of the drawing, each way, are one of the model's.
    const padScale = () => Math.max(1, Math.round(280 / Math.max(model.task.frame.columns, model.task.frame.rows)));

    /// An empty pad of the form of the model's images: light is drawn on black, as most collections of digits have it.
    function wipe() {
      const {rows, columns} = model.task.frame, scale = padScale();
      pad.width = columns * scale; pad.height = rows * scale;
      ink2d.fillStyle = '#000'; ink2d.fillRect(0, 0, pad.width, pad.height);
      ink2d.strokeStyle = '#fff'; ink2d.lineWidth = pad.width / 14; ink2d.lineCap = ink2d.lineJoin = 'round';
      drawn = false; pen = [pad.width / 2, pad.height / 2];
      $('penPlace').textContent = '';
    }
    $('wipe').onclick = wipe;

    function draw(to) {
      ink2d.beginPath(); ink2d.moveTo(...pen); ink2d.lineTo(...to); ink2d.stroke();
      pen = to;
      if (!drawn) { take(null); $('file').value = ''; }
      drawn = true;
    }

    const place = event => [event.offsetX / pad.clientWidth * pad.width, event.offsetY / pad.clientHeight * pad.height];
    pad.onpointerdown = event => { pad.setPointerCapture(event.pointerId); pen = place(event); draw(pen); };
    pad.onpointermove = event => { if (pad.hasPointerCapture(event.pointerId)) draw(place(event)); };

    pad.onkeydown = event => {
      const way = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1], ' ': [0, 0]}[event.key];
      if (event.key === 'Delete' || event.key === 'Backspace') { event.preventDefault(); wipe(); return; }
      if (!way) return;
      event.preventDefault();
      const scale = padScale(), limits = [pad.width, pad.height];
      const to = pen.map((value, i) => Math.max(0, Math.min(limits[i], value + way[i] * scale)));
      if (event.shiftKey) pen = to; else draw(to);
      $('penPlace').textContent = 'The pen is at column ' + Math.round(pen[0] / scale) + ', row ' + Math.round(pen[1] / scale) + '.';
    };

    /// The drawing as the model takes it, row after row, from black, 0, to 255.
    function pixels() {
      const {rows, columns} = model.task.frame, scale = padScale();
      const data = ink2d.getImageData(0, 0, pad.width, pad.height).data;
      return Array.from({length: rows}, (_, row) => Array.from({length: columns}, (_, column) => {
        let sum = 0;
        for (let y = 0; y < scale; y++) for (let x = 0; x < scale; x++)
          sum += data[4 * ((row * scale + y) * pad.width + column * scale + x)];
        const value = Math.round(sum / scale / scale);
        return $('inverted').checked ? 255 - value : value;
      }));
    }

    // Files of images

    /// A file as the server reads it: an image of a kind that it does not know is drawn anew as PNG.
    async function readable(file) {
      if (!/^image\//.test(file.type) || /png|gif|anymap|graymap|pixmap/.test(file.type)) return file;
      const image = await createImageBitmap(file), canvas = make('canvas');
      canvas.width = image.width; canvas.height = image.height;
      canvas.getContext('2d').drawImage(image, 0, 0);
      const bytes = await new Promise(done => canvas.toBlob(done));
      return new File([bytes], file.name.replace(/\.\w+$/, '') + '.png', {type: 'image/png'});
    }

    /// What a file is, by its name.
    function fileType(name) {
      const types = {wav: 'audio/wav', jsonl: 'application/x-ndjson', ndjson: 'application/x-ndjson', csv: 'text/csv',
        tsv: 'text/csv', png: 'image/png', gif: 'image/gif', pgm: 'image/x-portable-graymap',
        ppm: 'image/x-portable-pixmap', pnm: 'image/x-portable-anymap', npy: 'application/x-npy'};
      const isFrames = model.task.input === 'images' || model.task.input === 'clips';
      return types[name.toLowerCase().split('.').pop()] || (isFrames ? 'application/octet-stream' : 'text/plain');
    }

    /// Frames as they move.
    async function showFrames(reply) {
      const reader = new FileReader(), bytes = await reply.blob();
      await new Promise(done => { reader.onload = done; reader.readAsDataURL(bytes); });
      const cell = make('td', undefined, make('tr', undefined, $('answers'))), image = make('img', undefined, cell);
      image.alt = 'The frames that follow'; image.src = reader.result; image.className = 'frames';
    }
    """#
}
