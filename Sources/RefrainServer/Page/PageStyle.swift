extension Page {
  /// Light and dark, wide and narrow.
  static let style = """
    :root { color-scheme: light dark; --ink: #1d2430; --quiet: #5d6878; --paper: #fbfaf7; --card: #ffffff;
      --line: #d9dce1; --strong: #0b6e75; --alarm: #b3261e; }
    @media (prefers-color-scheme: dark) {
      :root { --ink: #e8eaee; --quiet: #9aa5b4; --paper: #14171c; --card: #1d2129; --line: #363c47;
        --strong: #5cc6cd; --alarm: #ff8a80; }
    }
    * { box-sizing: border-box; }
    body { margin: 0 auto; max-width: 68rem; padding: 1rem; background: var(--paper); color: var(--ink);
      font: 1rem/1.5 system-ui, sans-serif; }
    header { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 1rem; }
    h1 { margin: 0; font-size: 1.6rem; letter-spacing: .02em; }
    h2 { margin: 0; overflow-wrap: anywhere; }
    h3 { margin: 1.5rem 0 .5rem; }
    #state, footer, figcaption, .quiet { color: var(--quiet); }
    main { display: grid; grid-template-columns: minmax(12rem, 16rem) 1fr; gap: 1rem; align-items: start; }
    @media (max-width: 44rem) { main { grid-template-columns: 1fr; } }
    nav { display: grid; gap: .5rem; }
    nav button { text-align: left; background: var(--card); color: var(--ink); border: 1px solid var(--line); }
    nav button[aria-current=true] { border-color: var(--strong); box-shadow: inset 4px 0 var(--strong); }
    nav small { display: block; color: var(--quiet); }
    #model { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: 1rem; min-width: 0; }
    dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: .5rem 0; }
    dt { color: var(--quiet); }
    dd { margin: 0; overflow-wrap: anywhere; }
    textarea, input:not([type=checkbox]):not([type=file]) { width: 100%; padding: .5rem; border-radius: .4rem;
      border: 1px solid var(--line); background: var(--paper); color: var(--ink); font: inherit; }
    textarea { font-family: ui-monospace, monospace; font-size: .9rem; }
    .over { outline: 2px dashed var(--strong); }
    button { padding: .5rem .9rem; min-height: 2.6rem; border: 1px solid var(--strong); border-radius: .4rem;
      background: var(--strong); color: var(--paper); font: inherit; cursor: pointer; }
    button:disabled { opacity: .45; cursor: default; }
    .row { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; margin: .5rem 0; }
    .file { color: var(--quiet); }
    #options { display: grid; grid-template-columns: repeat(auto-fill, minmax(14rem, 1fr)); gap: .7rem; padding: .5rem 0; }
    #options small { display: block; color: var(--quiet); line-height: 1.3; }
    .wide { overflow-x: auto; }
    table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
    th, td { text-align: left; padding: .25rem .6rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
    td.long { white-space: normal; min-width: 16rem; }
    tr.alarm td { color: var(--alarm); font-weight: 600; }
    pre { white-space: pre-wrap; overflow-wrap: anywhere; background: var(--paper); border: 1px solid var(--line);
      border-radius: .4rem; padding: .7rem; min-height: 3rem; }
    [role=alert] { color: var(--alarm); min-height: 1.5em; margin: .3rem 0; }
    figure { margin: .7rem 0; }
    canvas { width: 100%; display: block; border: 1px solid var(--line); border-radius: .3rem; }
    #drawing { width: min(100%, 17.5rem); touch-action: none; cursor: crosshair; }
    #drawing:focus-visible { outline: 3px solid var(--strong); outline-offset: 2px; }
    img.frames { min-width: 8rem; max-width: 100%; image-rendering: pixelated; }
    footer { margin-top: 1.5rem; }
    a { color: var(--strong); }
    """
}
