/// A layer whose number of weights follows from its configuration and its input: so that what a file says of sizes can
/// be held against the file before anything is made of it.
protocol CountedLayer: Layer {
  /// How many weights the layer will have, about: in a file that somebody forged any number may stand.
  ///
  /// - Parameters:
  ///   - inputShape: one for which ``Layer/outputShape(for:)`` has not thrown.
  ///   - limit: how many there can be at most; no size of a layer is above it.
  /// - Returns: nil when a size of the layer is impossible.
  func weightCount(for inputShape: [Int?], atMost limit: Int) -> Double?
}

extension Sequential {
  /// How many weights the layers will have, about; nil when a size of one of them is impossible, as for
  /// ``CountedLayer/weightCount(for:atMost:)``. Layers of the user's own are not counted.
  package func weightCount(for inputShape: [Int?], atMost limit: Int) -> Double? {
    var (shape, sum): ([Int?], Double) = (inputShape, 0)
    for layer in layers {
      if let layer = layer as? any CountedLayer {
        guard let count = layer.weightCount(for: shape, atMost: limit) else { return nil }
        sum += count
      }
      guard let next = try? layer.outputShape(for: shape) else { return nil }
      shape = next
    }
    return sum
  }
}

extension Sequential: CountedLayer {}

/// The number of values of an input at one step.
private func features(_ shape: [Int?]) -> Double { Double((shape.last ?? nil) ?? 0) }

extension Dense: CountedLayer {
  func weightCount(for inputShape: [Int?], atMost limit: Int) -> Double? {
    (features(inputShape) + 1) * Double(configuration.outputSize)
  }
}

extension Embedding: CountedLayer {
  func weightCount(for inputShape: [Int?], atMost limit: Int) -> Double? {
    Double(configuration.vocabulary) * Double(configuration.size)
  }
}

extension LayerNorm: CountedLayer {
  func weightCount(for inputShape: [Int?], atMost limit: Int) -> Double? { 2 * features(inputShape) }
}

extension BatchNorm: CountedLayer {
  func weightCount(for inputShape: [Int?], atMost limit: Int) -> Double? { 4 * features(inputShape) }
}

extension ParametricReLU: CountedLayer {
  func weightCount(for inputShape: [Int?], atMost limit: Int) -> Double? {
    slopeShape(for: inputShape).reduce(1) { $0 * Double($1) }
  }
}

extension TimeDistributed: CountedLayer {
  func weightCount(for inputShape: [Int?], atMost limit: Int) -> Double? {
    guard let layer = layer as? any CountedLayer else { return 0 }
    return layer.weightCount(for: [nil] + inputShape.dropFirst(2), atMost: limit)
  }
}

extension AttentionPooling: CountedLayer {
  func weightCount(for inputShape: [Int?], atMost limit: Int) -> Double? {
    let size = configuration.size.map(Double.init) ?? features(inputShape)
    return (features(inputShape) + 2) * size
  }
}

extension Conv1D: CountedLayer {
  func weightCount(for inputShape: [Int?], atMost limit: Int) -> Double? {
    (Double(configuration.kernel) * features(inputShape) + 1) * Double(configuration.filters)
  }
}

extension Conv2D: CountedLayer {
  func weightCount(for inputShape: [Int?], atMost limit: Int) -> Double? {
    (configuration.kernel.reduce(features(inputShape)) { $0 * Double($1) } + 1) * Double(configuration.filters)
  }
}

extension ConvolutionalLSTM: CountedLayer {
  func weightCount(for inputShape: [Int?], atMost limit: Int) -> Double? {
    let (filters, kernel) = (configuration.filters, configuration.kernel)
    guard filters <= limit, kernel.allSatisfy({ (1...max(limit, 1)).contains($0) }),
      kernel.reduce(1, { $0 * Double($1) }) <= Double(limit)
    else { return nil }
    /// A map's number of weights is linear in both of its sizes.
    func count(_ channels: Double, _ outputs: Double) -> Double {
      var generator = RandomGenerator(seed: 0)
      func weights(_ channels: Int, _ outputs: Int) -> Double {
        Double(Map(channels: channels, outputs: outputs, kernel: kernel, using: &generator).parameterCount)
      }
      let (one, wide, high, both) = (weights(1, 1), weights(2, 1), weights(1, 2), weights(2, 2))
      let mixed = both - wide - high + one
      return one + (wide - one) * (channels - 1) + (high - one) * (outputs - 1) + mixed * (channels - 1) * (outputs - 1)
    }
    let size = Double(filters)
    return count(features(inputShape), 4 * size) + count(size, 4 * size) + 4 * size
  }
}

extension GridLSTM: CountedLayer {
  func weightCount(for inputShape: [Int?], atMost limit: Int) -> Double? {
    let hidden = Double(configuration.hiddenSize)
    return 8 * hidden * (features(inputShape) + 2 * hidden + 1)
  }
}

extension Recurrent: CountedLayer {
  func weightCount(for inputShape: [Int?], atMost limit: Int) -> Double? {
    Refrain.weightCount(
      of: Cell.self, inputSize: features(inputShape), hiddenSize: configuration.hiddenSize, configuration.options,
      atMost: limit)
  }
}

extension Bidirectional: CountedLayer {
  func weightCount(for inputShape: [Int?], atMost limit: Int) -> Double? {
    Refrain.weightCount(
      of: Cell.self, inputSize: features(inputShape), hiddenSize: configuration.hiddenSize, configuration.options,
      atMost: limit
    ).map { 2 * $0 }
  }
}

extension Stacked: CountedLayer {
  func weightCount(for inputShape: [Int?], atMost limit: Int) -> Double? {
    var (shape, sum): ([Int?], Double) = (inputShape, 0)
    for (index, size) in configuration.hiddenSizes.enumerated() {
      if index > 0, Self.lastColumn != nil { shape = shape.dropLast() + [Int(features(shape)) + 1] }
      let level = Level(size, returning: .everyStep, options: configuration.options, initial: .fixed)
      guard let counted = level as? any CountedLayer, let count = counted.weightCount(for: shape, atMost: limit),
        let next = try? level.outputShape(for: shape)
      else { return nil }
      sum += count
      shape = next
    }
    let (width, levels) = (features(shape), Double(configuration.hiddenSizes.count))
    switch configuration.connection {
    case .direct, .residual: return sum
    case .highway: return sum + (levels - 1) * width * (width + 1)
    case .depthWise: return sum + 4 * width * (2 * width + 1)
    }
  }
}

/// How many weights a cell will have, about: for given options their number is a polynomial of at most the second
/// degree in each of the two sizes, and cells of a few small sizes say which.
func weightCount<Cell: RecurrentCell>(
  of type: Cell.Type, inputSize: Double, hiddenSize: Int, _ options: Cell.Options, atMost limit: Int
) -> Double? {
  let numbers = Mirror(reflecting: options).children.compactMap { child in
    (child.value as? Int).map { (child.label, $0) }
  }
  guard hiddenSize > 0, hiddenSize <= limit, inputSize <= Double(limit), numbers.allSatisfy({ $1 <= limit }),
    (try? Cell.check(inputSize: Int(inputSize), hiddenSize: hiddenSize, options: options)) != nil
  else { return nil }
  func count(_ input: Int, _ size: Int) -> Double? {
    guard (try? Cell.check(inputSize: input, hiddenSize: size, options: options)) != nil else { return nil }
    return Initializer.$drawsNothing.withValue(true) {
      var generator = RandomGenerator(seed: 0)
      return Double(Cell(inputSize: input, hiddenSize: size, options: options, using: &generator).parameterCount)
    }
  }
  // Sizes that as many heads divide, be their number given or the greatest up to 4 that does.
  let heads = numbers.first { $0.0 == "heads" }?.1 ?? 1
  let period = heads > 4 ? heads : 12
  let hidden = (1...3).map { hiddenSize % period + $0 * period }
  /// Lagrange's polynomials of the second degree.
  func weights(_ points: [Int], _ at: Double) -> [Double] {
    points.map { point in
      points.reduce(1) { $1 == point ? $0 : $0 * (at - Double($1)) / Double(point - $1) }
    }
  }
  let columns = weights(hidden, Double(hiddenSize))
  var sum = 0.0
  // Where both sizes are the same, a cell may do without some weights: then there is a polynomial of the one size.
  if inputSize == Double(hiddenSize), heads <= 16 {
    for (size, column) in zip(hidden, columns) {
      guard let found = count(size, size) else { return nil }
      sum += found * column
    }
    return max(0, sum)
  }
  // Otherwise none of the input sizes is one of the hidden sizes, which are above 4.
  let inputs = [2, 3, 4]
  for (input, row) in zip(inputs, weights(inputs, inputSize)) {
    for (size, column) in zip(hidden, columns) {
      guard let found = count(input, size) else { return nil }
      sum += found * row * column
    }
  }
  return max(0, sum)
}
