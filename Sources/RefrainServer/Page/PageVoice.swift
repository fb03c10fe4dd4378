extension Page {
  /// How the page records a voice, for tasks that take recordings. It goes on where the script ends.
  static let voice = #"""
    // A voice

    /// Records until it is called again; what was said is then the file.
    async function record() {
      if (recorder) { recorder.stop(); return; }
      $('problem').textContent = '';
      const whose = model;
      try {
        const stream = await navigator.mediaDevices.getUserMedia({audio: true});
        const pieces = [], own = recorder = new MediaRecorder(stream);
        own.ondataavailable = event => pieces.push(event.data);
        own.onstop = async () => {
          for (const track of stream.getTracks()) track.stop();
          recorder = null; $('record').textContent = 'Record';
          try {
            const bytes = await new Blob(pieces).arrayBuffer();
            const sound = await new OfflineAudioContext(1, 1, 16000).decodeAudioData(bytes);
            if (model === whose) take(new File([wav(sound)], 'recording.wav'));
          } catch (error) { $('problem').textContent = 'The recording cannot be read: ' + error.message; }
        };
        own.start();
        $('record').textContent = 'Stop recording';
      } catch (error) { recorder = null; $('problem').textContent = 'There is no microphone: ' + error.message; }
    }
    $('record').onclick = record;

    /// One channel of 16 bits.
    function wav(sound) {
      const channels = Array.from({length: sound.numberOfChannels}, (_, i) => sound.getChannelData(i));
      const bytes = new DataView(new ArrayBuffer(44 + 2 * sound.length)), rate = sound.sampleRate;
      const word = (place, text) => [...text].forEach((c, i) => bytes.setUint8(place + i, c.charCodeAt(0)));
      word(0, 'RIFF'); bytes.setUint32(4, 36 + 2 * sound.length, true); word(8, 'WAVEfmt ');
      bytes.setUint32(16, 16, true); bytes.setUint16(20, 1, true); bytes.setUint16(22, 1, true);
      bytes.setUint32(24, rate, true); bytes.setUint32(28, 2 * rate, true);
      bytes.setUint16(32, 2, true); bytes.setUint16(34, 16, true);
      word(36, 'data'); bytes.setUint32(40, 2 * sound.length, true);
      for (let t = 0; t < sound.length; t++) {
        const value = channels.reduce((sum, channel) => sum + channel[t], 0) / channels.length;
        bytes.setInt16(44 + 2 * t, Math.round(Math.max(-1, Math.min(1, value)) * 32767), true);
      }
      return bytes;
    }
    """#
}
