import Refrain
import RefrainData

/// What the network of a ``Translator`` looks like; a saved model says it.
struct TranslationArchitecture: Codable, Sendable, Equatable {
  /// The number of tokens of the source.
  var sourceVocabulary: Int
  /// The number **V** of tokens of the target.
  var targetVocabulary: Int
  /// The cell's name.
  var cell: String
  /// The size of a token's row, on both sides.
  var embedding: Int
  /// The units **H** of each layer, in the encoder of both directions together.
  var hidden: Int
  /// The layers of the encoder, and of the decoder.
  var layers: Int
  /// How a state of the decoder is compared with the steps of the source.
  var attention: AttentionScore
  /// What is dropped of rows, between layers, and before the output.
  var dropout: Float = 0
  /// The part of each target that is spread over all tokens.
  var smoothing: Float = 0
  /// Whether source and target have one vocabulary, and one table of rows.
  var isShared = false
  /// How the recurrent layers are regularized besides; nil is not. Penalties are on what the decoder's last says.
  var regularizers: RecurrentRegularizers?
}

/// The network of a ``Translator``: an encoder reads the source in both directions; a decoder writes the target,
/// looking at what fits in the source (Bahdanau, Cho and Bengio 2015; Luong, Pham and Manning 2015).
///
///     k_1 … k_S = encoder(source)
///     h_t       = lower layer(row of y_t−1, h_t−1)
///     c_t       = attention(h_t; k_1 … k_S)
///     s_t       = upper layers([h_t; c_t], s_t−1)         or h_t where there is one layer
///     r_t       = tanh(W [s_t; c_t] + b)
///     logits    = E r_t + b'                              with E the table of the target's rows
///
/// As in GNMT (Wu et al. 2016) the lowest layer asks and the ones above it hear: no step of a layer waits for another
/// layer's. In training each layer takes all steps in one scan, all steps ask together, and the logits of all of them
/// are one product.
struct TranslationNetwork: Module {
  let architecture: TranslationArchitecture
  /// Rows of the source, `[V', E]`; nil where they are those of the target.
  var source: Tensor?
  /// Rows of the target, `[V, E]`: also the weights of the output.
  var target: Tensor
  /// From rows `[B, S, E]` to `[B, S, H]`.
  var encoder: Sequential
  /// From the mean of what the encoder says to the first hidden state of each layer of the decoder, `[B, layers · H]`.
  var bridge: Dense
  /// The lowest layer, from rows `[B, T, E]` to `[B, T, H]`.
  var lower: Sequential
  var attention: Attention
  /// The layers above, from `[B, T, 2H]` to `[B, T, H]`; none where there is one layer.
  var upper: Sequential
  /// From `[…, 2H]` to `[…, E]`.
  var readout: Dense
  /// b', `[V]`
  var bias: Tensor

  /// A network with weights drawn from `generator`.
  ///
  /// - Throws: ``TaskError`` when the parts do not fit together.
  init(_ architecture: TranslationArchitecture, using generator: inout RandomGenerator) throws(TaskError) {
    self.architecture = architecture
    let (size, hidden, layers) = (architecture.embedding, architecture.hidden, architecture.layers)
    guard let cell = Cells.named(architecture.cell), cell.lastColumn == nil else {
      throw TaskError(
        "the cell \(architecture.cell.quoted) does not read tokens", remedy: "choose another, such as gru")
    }
    guard hidden.isMultiple(of: Translator.Configuration.unitMultiple) else {
      throw TaskError("the encoder has \(hidden) units in two directions", remedy: "choose an even number")
    }
    guard (0..<1).contains(architecture.dropout), (0..<1).contains(architecture.smoothing) else {
      throw TaskError("the dropout and the smoothing must be at least 0 and below 1")
    }
    guard architecture.regularizers.areSound else { throw TaskError("a regularizer is out of bounds") }
    func rows(_ count: Int) -> Tensor {
      // So that the logits of a tied output start with about the deviation 1 / √E · |r|.
      .normal([count, size], deviation: 1 / Float(size).squareRoot(), using: &generator)
    }
    func stack<Cell: RecurrentCell>(_ cell: Cell.Type, _ input: Int, _ count: Int, both: Bool) throws(TaskError)
      -> Sequential
    {
      var parts: [any Layer] = []
      let regularization = architecture.regularizers.regularization(of: cell)
      for index in 0..<count {
        if index > 0, architecture.dropout > 0 { parts.append(Dropout(architecture.dropout)) }
        parts.append(
          both
            ? Bidirectional<Cell>(hidden / 2, returning: .everyStep).regularized(by: regularization)
            : Recurrent<Cell>(hidden, returning: .everyStep).regularized(by: regularization))
      }
      do throws(LayerError) {
        _ = try Sequential(inputShape: [nil, nil, input], builtLayers: parts).outputShape(for: [nil, nil, input])
      } catch {
        throw TaskError("this network cannot be: \(error.description)")
      }
      return Sequential(exampleShape: [nil, input], layers: parts, using: &generator)
    }
    source = architecture.isShared ? nil : rows(architecture.sourceVocabulary)
    target = rows(architecture.targetVocabulary)
    encoder = try stack(cell, size, layers, both: true)
    bridge = Dense(inputSize: hidden, outputSize: layers * hidden, activation: .tanh, using: &generator)
    lower = try stack(cell, size, 1, both: false)
    attention = Attention(architecture.attention, querySize: hidden, keySize: hidden, using: &generator)
    upper = try stack(cell, 2 * hidden, layers - 1, both: false)
    readout = Dense(inputSize: 2 * hidden, outputSize: size, activation: .tanh, using: &generator)
    bias = .zeros([architecture.targetVocabulary])
  }

  mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    if var own = source {
      // Taken out while it changes, so that it is written where it lies.
      source = nil
      defer { source = own }
      try body("source.weight", &own)
    }
    try body("target.weight", &target)
    try encoder.forEachTensor(under: "encoder", body)
    try bridge.forEachTensor(under: "bridge", body)
    try lower.forEachTensor(under: "lower", body)
    try attention.forEachTensor(under: "attention", body)
    try upper.forEachTensor(under: "upper", body)
    try readout.forEachTensor(under: "readout", body)
    try body("output.bias", &bias)
  }

  // MARK: - The source

  /// What is known of sources: what the encoder says of each step, and how many steps there are.
  struct Source: TensorGroup {
    /// `[B, S, H]`, 0 past each length.
    var keys: Tensor
    /// `[B]`
    var lengths: Tensor

    var steps: Steps { Steps(lengths: lengths.values.map { Int($0) }) }

    mutating func forEachTensor<E: Error>(
      _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
    ) throws(E) {
      try body("keys", &keys)
      try body("lengths", &lengths)
    }
  }

  /// The states of the decoder's layers.
  struct State: TensorGroup {
    var lower: Sequential.Memory
    var upper: Sequential.Memory

    mutating func forEachTensor<E: Error>(
      _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
    ) throws(E) {
      try lower.forEachTensor(under: "lower", body)
      try upper.forEachTensor(under: "upper", body)
    }
  }

  /// Reads sources, each of at least one token.
  ///
  /// - Parameter time: how many tokens they are padded to, if none has more.
  func read(_ texts: [[Int]], paddedTo time: Int = 0) -> (source: Source, state: State) {
    let tokens = Tokens(texts, padding: Vocabulary.padding)
    let lengths = texts.map(\.count)
    let rows = rows(source ?? target, tokens, paddedTo: time)
    return read(keys: encoder(rows, steps: Steps(lengths: lengths)), lengths: lengths)
  }

  /// What is known of sources from what the encoder says of each step, `[B, S, H]`.
  func read(keys: Tensor, lengths: [Int]) -> (source: Source, state: State) {
    // Past the lengths they are 0: the sum over all steps is that over the valid ones.
    let counts = Tensor(lengths.map { 1 / Float($0) }, shape: [lengths.count, 1])
    let first = bridge(keys.sum(axes: [1]) * counts)
    var state = State(
      lower: lower.initialMemory(batch: lengths.count), upper: upper.initialMemory(batch: lengths.count))
    var layer = 0
    state.forEachTensor { name, tensor in
      guard name.hasSuffix(".hidden") else { return }
      let size = architecture.hidden
      tensor = first.slice(layer * size..<(layer + 1) * size, axis: 1)
      layer += 1
    }
    return (Source(keys: keys, lengths: Tensor(lengths)), state)
  }

  /// Rows `[B, T, E]` of tokens, with dropout.
  private func rows(_ table: Tensor, _ tokens: Tokens, paddedTo least: Int) -> Tensor {
    let time = max(least, tokens.sequences.map(\.count).max() ?? 0)
    let flat = tokens.sequences.flatMap { $0 + Array(repeating: tokens.padding, count: time - $0.count) }
    let rows = table.gatheringRows(flat).reshaped([tokens.count, time, architecture.embedding])
    return dropout(rows, rate: architecture.dropout)
  }

  // MARK: - The target

  /// What is known before the output, `[B, T, E]`, from the tokens before, `[B, T]`.
  ///
  /// - Parameter time: how many tokens they are padded to, if none has more.
  func readouts(_ tokens: Tokens, _ source: Source, _ state: State, paddedTo time: Int = 0) -> Tensor {
    var state = state
    let steps = Steps(lengths: tokens.sequences.map(\.count))
    let asked = lower(rows(target, tokens, paddedTo: time), steps: steps, memory: &state.lower)
    let found = attention(asked, over: source.keys, steps: source.steps).context
    var said = asked
    if !upper.layers.isEmpty {
      let heard = dropout(concatenate([asked, found], axis: 2), rate: architecture.dropout)
      said = upper(heard, steps: steps, memory: &state.upper)
    }
    said = architecture.regularizers.penalizing(StepValues(said, steps: steps)).values
    return dropout(readout(concatenate([said, found], axis: 2)), rate: architecture.dropout)
  }

  /// The logits `[N, V]` of readouts `[N, E]`.
  func logits(_ readouts: Tensor) -> Tensor { readouts.linear(weight: target, bias: bias) }

  /// The logits of every target's tokens and its end, one target after another, and what these are.
  ///
  /// - Parameters:
  ///   - sources: tokens, each at least one.
  ///   - targets: tokens, without begin and end.
  ///   - times: how many tokens each are padded to, if none has more.
  func callAsFunction(
    _ sources: [[Int]], _ targets: [[Int]], paddedTo times: (source: Int, target: Int) = (0, 0)
  ) -> (logits: Tensor, tokens: [Int]) {
    let (source, state) = read(sources, paddedTo: times.source)
    let before = Tokens(targets.map { [Vocabulary.begin] + $0 }, padding: Vocabulary.padding)
    let said = readouts(before, source, state, paddedTo: times.target + 1)
    let time = said.shape[1]
    // Only steps that there are get logits: they are what costs most.
    let places = targets.enumerated().flatMap { row, target in (0...target.count).map { row * time + $0 } }
    let rows = said.reshaped([targets.count * time, architecture.embedding])
    let valid = places.count == targets.count * time ? rows : rows.gatheringRows(places)
    return (logits(valid), targets.flatMap { $0 + [Vocabulary.end] })
  }

  /// The mean cross entropy of targets, a scalar.
  func loss(
    _ sources: [[Int]], _ targets: [[Int]], paddedTo times: (source: Int, target: Int) = (0, 0), smoothing: Float
  ) -> Tensor {
    let (logits, tokens) = self(sources, targets, paddedTo: times)
    return Loss.crossEntropy(smoothing: smoothing)(logits, Tensor(tokens))
  }
}

extension TranslationNetwork: SteppingDecoder {
  var vocabulary: Int { bias.shape[0] }

  func step(_ tokens: [Int], _ state: inout State, context: Source) -> DecoderOutput {
    let (count, size) = (tokens.count, architecture.hidden)
    let (batch, steps) = (context.keys.shape[0], context.keys.shape[1])
    let asked = lower.advance(&state.lower, with: target.gatheringRows(tokens))
    let (found, weights) = attention(asked.reshaped([batch, -1, size]), over: context.keys, steps: context.steps)
    let context = found.reshaped([count, size])
    let said = upper.layers.isEmpty ? asked : upper.advance(&state.upper, with: concatenate([asked, context], axis: 1))
    return DecoderOutput(
      logits: logits(readout(concatenate([said, context], axis: 1))), attention: weights.reshaped([count, steps]))
  }

  /// The beginning of an answer to each source, of at most `limit` tokens, or twice as many as the source and ten.
  func start(_ sources: [[Int]], limit: Int?) -> DecodingStart<TranslationNetwork> {
    let (source, state) = read(sources)
    return DecodingStart(
      tokens: sources.map { _ in Vocabulary.begin }, state: state, context: source,
      sourceLengths: sources.map(\.count), maximumLengths: sources.map { limit ?? 2 * $0.count + 10 })
  }
}
