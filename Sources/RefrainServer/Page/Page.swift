/// The page at `/`: one document without anything from elsewhere.
enum Page {
  /// The whole document.
  static let html = """
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Refrain</title>
    <link rel="icon" href="data:,">
    <style>
    \(style)
    </style>
    </head>
    <body>
    <header>
      <h1>Refrain</h1>
      <p id="state" role="status">…</p>
    </header>
    <form id="login" hidden>
      <label>This server asks for a token <input id="token" type="password" autocomplete="off"></label>
      <button>Go on</button>
    </form>
    <main>
      <nav id="models" aria-label="Models"></nav>
      <section id="model" hidden>
        <h2 id="name"></h2>
        <p id="purpose"></p>
        <dl id="facts"></dl>
        <section id="task" hidden>
          <h3>Ask</h3>
          <form id="ask">
            <label id="dataLabel" for="data">Data</label>
            <textarea id="data" rows="5" spellcheck="false"></textarea>
            <p class="row"><label class="file">Choose a file, or drop one <input id="file" type="file"></label>
              <button id="record" type="button" hidden>Record</button> <span id="fileName"></span></p>
            <figure id="pad" hidden>
              <canvas id="drawing" tabindex="0" role="application"
                aria-label="A pad to draw on: arrows draw, Shift and arrows move the pen, Delete clears"></canvas>
              <figcaption>Draw with the mouse, a finger or the arrow keys. <span id="penPlace" role="status"></span></figcaption>
              <p class="row"><button id="wipe" type="button">Clear</button>
                <label><input id="inverted" type="checkbox"> Dark on light</label></p>
            </figure>
            <details><summary>Options</summary><div id="options"></div></details>
            <p class="row"><button id="send">Answer</button>
              <button id="explain" type="button" hidden>Explain</button> <button id="stop" type="button" hidden>Stop</button></p>
          </form>
          <p id="problem" role="alert"></p>
          <ul id="notes" aria-label="Notes"></ul>
          <pre id="text" hidden></pre>
          <div class="wide"><table id="answers"></table></div>
        </section>
        <section id="session" hidden>
          <h3>Live</h3>
          <p id="stepText"></p>
          <textarea id="steps" rows="4" spellcheck="false" aria-label="Steps"></textarea>
          <p class="row">
            <button id="play">Stream</button> <button id="pause" hidden>Pause</button>
            <button id="write" hidden>Go on</button> <button id="listen" hidden>Listen</button>
            <button id="snapshot" disabled>Snapshot</button> <button id="restore" disabled>Go back</button>
            <button id="close" disabled>Close</button>
          </p>
          <p id="sessionState" role="status"></p>
          <p id="sessionProblem" role="alert"></p>
          <pre id="written" aria-live="polite" hidden></pre>
          <figure><canvas id="outputs" height="140"></canvas><figcaption id="outputsCaption">Outputs</figcaption></figure>
          <div id="gates"></div>
        </section>
      </section>
    </main>
    <footer><a href="/openapi.json">What can be asked</a> · <a href="/metrics">Counts and times</a></footer>
    <script>
    \(script)
    \(voice)
    \(live)
    \(drawing)
    start();
    </script>
    </body>
    </html>
    """
}
