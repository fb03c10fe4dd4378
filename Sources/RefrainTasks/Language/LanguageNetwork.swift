import Refrain
import RefrainData

/// What the network of a ``LanguageModel`` looks like; a saved model says it.
struct LanguageArchitecture: Codable, Sendable, Equatable {
  /// The number **V** of tokens.
  var vocabulary: Int
  /// The cell's name.
  var cell: String
  /// The size of a token's row.
  var embedding: Int
  /// The units of each recurrent layer.
  var hidden: [Int]
  /// Whether the rows of the tokens are the weights of the output too (Press and Wolf 2017).
  var isTied: Bool
  /// The regularizers of the AWD-LSTM (Merity, Keskar and Socher 2018).
  var regularizers = LanguageRegularizers()
}

/// How a language model is kept from learning its text by heart, with the names of Merity, Keskar and Socher 2018.
struct LanguageRegularizers: Codable, Sendable, Equatable {
  /// Whole rows of the embedding.
  var embeddingDropout: Float = 0
  /// What the first layer reads, one mask a stream and window.
  var inputDropout: Float = 0
  /// What one layer passes to the next, one mask a stream and window.
  var hiddenDropout: Float = 0
  /// What the last layer passes to the output, one mask a stream and window.
  var outputDropout: Float = 0
  /// Recurrent weights, one mask a window.
  var weightDropout: Float = 0
  /// The weight of the squared outputs of the last layer.
  var activationPenalty: Float = 0
  /// The weight of their squared changes.
  var temporalPenalty: Float = 0
  /// Units that keep their value at a step; nil, in files of older versions too, is none.
  var zoneout: Float?
  /// What units say to the next step, one mask a stream and window; nil is none.
  var recurrentDropout: Float?

  /// Those of a recurrent layer.
  var recurrent: RecurrentRegularizers {
    RecurrentRegularizers(
      zoneout: zoneout ?? 0, recurrentDropout: recurrentDropout ?? 0, weightDropout: weightDropout)
  }
}

/// The network of a ``LanguageModel``: rows for tokens, recurrent layers, and a logit for each token that may come
/// next.
///
///     logits = W (recurrent layers of rows) + b
///
/// W is the table of the rows itself where it is tied.
struct LanguageNetwork: Module {
  /// From tokens `[B, T]` to what the last layer says, `[B, T, H]`.
  var trunk: Sequential
  /// W, `[V, H]`; nil where it is the table of the rows.
  var weight: Tensor?
  /// b, `[V]`
  var bias: Tensor

  /// A network with weights drawn from `generator`.
  ///
  /// - Throws: ``TaskError`` when the parts do not fit together.
  init(_ architecture: LanguageArchitecture, using generator: inout RandomGenerator) throws(TaskError) {
    let layers = try Self.layers(architecture)
    do throws(LayerError) {
      _ = try Sequential(inputShape: [nil, nil], builtLayers: layers).outputShape(for: [nil, nil])
    } catch {
      throw TaskError("this network cannot be: \(error.description)")
    }
    trunk = Sequential(exampleShape: [nil], layers: layers, using: &generator)
    let (vocabulary, size) = (architecture.vocabulary, architecture.hidden[architecture.hidden.count - 1])
    if !architecture.isTied { weight = Initializer.glorotUniform(vocabulary, size, using: &generator) }
    bias = .zeros([vocabulary])
  }

  private static func layers(_ architecture: LanguageArchitecture) throws(TaskError) -> [any Layer] {
    guard let cell = Cells.named(architecture.cell), cell.lastColumn == nil else {
      throw TaskError(
        "the cell \(architecture.cell.quoted) does not read tokens", remedy: "choose another, such as lstm")
    }
    guard !architecture.isTied || architecture.hidden.last == architecture.embedding else {
      throw TaskError(
        "an output that is tied to the embedding wants a last layer of its size, \(architecture.embedding), not "
          + "\(architecture.hidden.last ?? 0)", remedy: "make them equal, or leave the output untied")
    }
    let regularizers = architecture.regularizers
    let rates = [
      regularizers.embeddingDropout, regularizers.inputDropout, regularizers.hiddenDropout, regularizers.outputDropout,
      regularizers.weightDropout, regularizers.zoneout ?? 0, regularizers.recurrentDropout ?? 0,
    ]
    guard rates.allSatisfy({ (0..<1).contains($0) }) else {
      throw TaskError("every dropout must be at least 0 and below 1")
    }
    guard [regularizers.activationPenalty, regularizers.temporalPenalty].allSatisfy({ $0 >= 0 && $0.isFinite }) else {
      throw TaskError("the penalties must be at least 0")
    }
    func dropout(_ rate: Float) -> [any Layer] { rate > 0 ? [Dropout(rate, mask: .sequence)] : [] }
    func recurrent<Cell: RecurrentCell>(_ cell: Cell.Type, _ size: Int) -> any Layer {
      Recurrent<Cell>(size, returning: .everyStep).regularized(by: regularizers.recurrent.regularization(of: cell))
    }
    var layers: [any Layer] = [
      Embedding(architecture.vocabulary, architecture.embedding, dropout: regularizers.embeddingDropout)
    ]
    layers += dropout(regularizers.inputDropout)
    for (index, size) in architecture.hidden.enumerated() {
      if index > 0 { layers += dropout(regularizers.hiddenDropout) }
      layers.append(recurrent(cell, size))
    }
    if regularizers.temporalPenalty > 0 { layers.append(ActivationPenalty(temporal: regularizers.temporalPenalty)) }
    layers += dropout(regularizers.outputDropout)
    if regularizers.activationPenalty > 0 {
      layers.append(ActivationPenalty(activation: regularizers.activationPenalty))
    }
    return layers
  }

  mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try trunk.forEachTensor(under: "trunk", body)
    if var own = weight {
      // Taken out while it changes, so that it is written where it lies.
      weight = nil
      defer { weight = own }
      try body("weight", &own)
    }
    try body("bias", &bias)
  }

  /// The memory before the first token of `count` texts.
  func initialMemory(_ count: Int) -> Sequential.Memory { trunk.initialMemory(batch: count) }

  /// The logits `[…, V]` from what the last layer says, `[…, H]`.
  func logits(_ hidden: Tensor) -> Tensor { hidden.linear(weight: outputWeight, bias: bias) }

  /// W, `[V, H]`: the table of the rows where it is tied.
  var outputWeight: Tensor { weight ?? (trunk.layers[0] as? Embedding)?.weight ?? .zeros([0, 0]) }

  /// Tokens `[B, T]`, of which `memory` knows those before, → logits of the token after each, `[B, T, V]`.
  func callAsFunction(_ tokens: Tensor, memory: inout Sequential.Memory) -> Tensor {
    logits(trunk(tokens, steps: Steps(), memory: &memory))
  }
}

extension LanguageNetwork: SteppingDecoder {
  var vocabulary: Int { bias.shape[0] }

  func step(_ tokens: [Int], _ state: inout Sequential.Memory, context: NoMemory) -> DecoderOutput {
    DecoderOutput(logits: logits(trunk.advance(&state, with: Tensor(tokens))))
  }

  /// The beginning after prompts, each of at least one token.
  func start(_ prompts: [[Int]], window: Int = Self.window) -> DecodingStart<LanguageNetwork> {
    var memory = initialMemory(prompts.count)
    read(prompts, &memory, window: window)
    return DecodingStart(tokens: prompts.map { $0[$0.count - 1] }, state: memory)
  }
}

extension LanguageNetwork {
  /// −log p of tokens, in nats, each given those before it.
  ///
  /// - Parameters:
  ///   - text: the tokens; the first is given and not asked for.
  ///   - rows: into how many streams it is cut, which are read side by side. Each but the first begins with as many of
  ///     the tokens before it as `lead` says, which are read and do not count.
  ///   - lead: how many tokens a stream reads before its own.
  /// - Returns: the sum over the tokens but the first.
  func surprise(of text: TokenText, rows: Int = 1, lead: Int = 0) -> Double {
    let count = text.count - 1
    guard count > 0 else { return 0 }
    let rows = max(1, min(rows, count))
    let length = (count + rows - 1) / rows
    // Row r asks for the tokens r · length + 1 … (r + 1) · length, and reads from `lead` before.
    let window = max(1, min(64, (1 << 22) / (rows * vocabulary)))
    let filler = Int(text[0])
    var memory = initialMemory(rows)
    var sum = 0.0
    for first in stride(from: -lead, to: length, by: window) {
      let steps = min(window, length - first)
      var input: [Int] = []
      var places: [Int] = []
      var targets: [Int] = []
      // Before the text there is nothing to be read.
      var present = Array(repeating: Array(repeating: true, count: steps), count: rows)
      for row in 0..<rows {
        let start = row * length + first
        let known = text[min(max(start, 0), text.count)..<min(max(start + steps + 1, 0), text.count)]
        // Where the token of place 0 would be in it.
        let origin = known.startIndex - max(start, 0)
        for step in first..<first + steps {
          let place = row * length + step
          if place < 0 { present[row][step - first] = false }
          input.append(place >= 0 && place < text.count ? Int(known[origin + place]) : filler)
          guard step >= 0, place + 1 < text.count else { continue }
          places.append(row * steps + step - first)
          targets.append(Int(known[origin + place + 1]))
        }
      }
      let gaps = first < 0 ? Steps(present: present) : Steps()
      let hidden = trunk(Tensor(input, shape: [rows, steps]), steps: gaps, memory: &memory)
      guard !places.isEmpty else { continue }
      let asked = hidden.reshaped([rows * steps, -1]).gatheringRows(places)
      sum += Double(Loss.crossEntropy(logits(asked), Tensor(targets)).item) * Double(targets.count)
    }
    return sum
  }

  /// The logarithm of the probability of each token but the first of some texts, given those before it.
  ///
  /// - Parameters:
  ///   - most: of how many tokens there are logits at once; by default so many that they are some megabytes.
  ///   - window: how many steps of the texts are read at once.
  func logProbabilities(of texts: [[Int]], atOnce most: Int? = nil, window: Int = Self.window) -> [[Float]] {
    var memory = initialMemory(texts.count)
    let (width, size) = (vocabulary, most ?? max(1, (1 << 22) / vocabulary))
    var found = texts.map { _ in [Float]() }
    read(texts, &memory, window: window) { first, lengths, hidden in
      let time = hidden.shape[1]
      let places = lengths.enumerated().flatMap { row, length in (0..<length).map { (row, row * time + $0) } }
      let states = hidden.reshaped([texts.count * time, -1])
      let tokens = zip(texts, lengths).flatMap { text, length in text.dropFirst(first + 1).prefix(length) }
      for start in stride(from: 0, to: places.count, by: size) {
        let part = start..<min(start + size, places.count)
        logits(states.gatheringRows(places[part].map { $0.1 })).logSoftmax().withUnsafeValues { values in
          for (row, place) in part.enumerated() { found[places[place].0].append(values[row * width + tokens[place]]) }
        }
      }
    }
    return found
  }

  /// How many steps of a text are read at once: a long one takes the memory of so many.
  static let window = 4096

  /// Reads texts but their last tokens, a window of steps after another, which changes nothing in what is found.
  ///
  /// - Parameters:
  ///   - memory: That before the first token of each text; on return that before the last.
  ///   - body: Called with the first step of each window, how many steps of it each text has, and what the last layer
  ///     says, `[B, T, H]`.
  private func read(
    _ texts: [[Int]], _ memory: inout Sequential.Memory, window: Int = Self.window,
    _ body: (_ first: Int, _ lengths: [Int], _ hidden: Tensor) -> Void = { _, _, _ in }
  ) {
    let longest = texts.map(\.count).max() ?? 0
    for first in stride(from: 0, to: longest - 1, by: window) {
      let tokens = Tokens(texts.map { Array($0.dropLast().dropFirst(first).prefix(window)) })
      let lengths = tokens.sequences.map(\.count)
      body(first, lengths, trunk(tokens.tensor, steps: Steps(lengths: lengths), memory: &memory))
    }
  }
}
