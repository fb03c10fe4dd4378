import Refrain
import RefrainData

/// The arrays of one module of PyTorch's, and what layer they can only be.
struct StateModule {
  /// A layer as the shapes of a module's arrays tell it.
  enum Kind: Equatable {
    case embedding(vocabulary: Int, size: Int)
    case linear(inputs: Int, outputs: Int)
    case layerNorm(size: Int)
    case batchNorm(size: Int)
    case convolution(inputs: Int, outputs: Int, kernel: Int)
    case recurrent(RecurrentShape)
    /// A matrix alone: an embedding, or a linear layer without bias.
    case matrix(rows: Int, columns: Int)
  }

  /// The name, such as `encoder.lstm`.
  var name: String
  var kind: Kind

  /// How many values a step of its input has; nil where it takes indices.
  var inputs: Int? {
    switch kind {
    case .embedding: nil
    case .linear(let inputs, _), .convolution(let inputs, _, _): inputs
    case .layerNorm(let size), .batchNorm(let size): size
    case .recurrent(let shape): shape.inputs
    case .matrix(_, let columns): columns
    }
  }

  /// Whether it is a recurrent cell, which has one step and no levels.
  var isCell: Bool { if case .recurrent(let shape) = kind { shape.isCell } else { false } }

  /// How many values a step of its output has.
  var outputs: Int {
    switch kind {
    case .embedding(_, let size), .layerNorm(let size), .batchNorm(let size): size
    case .linear(_, let outputs), .convolution(_, let outputs, _): outputs
    case .recurrent(let shape): shape.hidden * (shape.isBidirectional ? 2 : 1)
    case .matrix(let rows, _): rows
    }
  }

  /// The modules of a state dictionary in the order in which they first occur.
  ///
  /// - Throws: `unsupportedContent` where a module's arrays are those of no layer that Refrain has.
  static func all(of dictionary: StateDictionary) throws(DataError) -> [StateModule] {
    var order: [String] = []
    var shapes: [String: [(name: TensorName, shape: [Int])]] = [:]
    for entry in dictionary.entries {
      let name = TensorName(entry.name)
      if shapes[name.module] == nil { order.append(name.module) }
      shapes[name.module, default: []].append((name, entry.array.shape))
    }
    var modules: [StateModule] = []
    for module in order { modules.append(try StateModule(module, shapes[module] ?? [])) }
    return modules
  }

  private init(_ module: String, _ tensors: [(name: TensorName, shape: [Int])]) throws(DataError) {
    name = module
    let shapes = Dictionary(tensors.map { ($0.name.stem + $0.name.suffix, $0.shape) }) { first, _ in first }
    func unknown(_ reason: String) -> DataError {
      let names = tensors.prefix(8).map { "\($0.name.stem)\($0.name.suffix) \($0.shape)".onOneLine }
      return DataError(
        .unsupportedContent,
        "\(module.quoted) \(reason): it has \(names.joined(separator: ", "))\(tensors.count > 8 ? ", …" : "")",
        remedy: "build the model with Sequential and load the weights into it")
    }
    guard tensors.allSatisfy({ $0.shape.allSatisfy { $0 > 0 } }) else { throw unknown("is empty") }
    if shapes["weight_hh"] != nil || shapes["weight_hh_l0"] != nil {
      guard let recurrent = RecurrentShape(shapes) else { throw unknown("is no LSTM, GRU or RNN that Refrain has") }
      kind = .recurrent(recurrent)
      return
    }
    if let mean = shapes["running_mean"], mean.count == 1, shapes["running_var"] == mean,
      ["weight", "bias"].allSatisfy({ shapes[$0] == nil || shapes[$0] == mean }),
      Set(shapes.keys).isSubset(of: ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"])
    {
      kind = .batchNorm(size: mean[0])
      return
    }
    let bias = shapes["bias"]
    guard let weight = shapes["weight"], shapes.count == (bias == nil ? 1 : 2),
      bias == nil || bias == [weight.first ?? 0]
    else { throw unknown("is no layer that Refrain knows by its names") }
    switch weight.count {
    case 1: kind = .layerNorm(size: weight[0])
    case 2 where bias == nil: kind = .matrix(rows: weight[0], columns: weight[1])
    case 2: kind = .linear(inputs: weight[1], outputs: weight[0])
    case 3: kind = .convolution(inputs: weight[1], outputs: weight[0], kernel: weight[2])
    default: throw unknown("is no layer that Refrain has")
    }
  }
}

/// The sizes of PyTorch's `nn.LSTM`, `nn.GRU`, `nn.RNN` or of one of their cells.
struct RecurrentShape: Equatable {
  enum Cell: Equatable { case lstm, projectedLSTM, gru, rnn }

  var cell: Cell
  var inputs: Int
  /// The size of the output of one direction.
  var hidden: Int
  /// The size of the cell state, which differs from `hidden` with a projection.
  var cellSize: Int
  var levels: Int
  var isBidirectional: Bool
  /// Whether the names have no level: it is a cell.
  var isCell: Bool

  /// The sizes that follow from the shapes of all arrays of a module, or nil where these do not fit together.
  init?(_ shapes: [String: [Int]]) {
    isCell = shapes["weight_hh"] != nil
    let first = isCell ? "" : "_l0"
    guard let weight = shapes["weight_ih" + first], let recurrent = shapes["weight_hh" + first], weight.count == 2,
      recurrent.count == 2, weight[0] == recurrent[0]
    else { return nil }
    inputs = weight[1]
    hidden = recurrent[1]
    let projection = shapes["weight_hr" + first]
    cellSize = projection?.last ?? hidden
    isBidirectional = shapes["weight_ih_l0_reverse"] != nil
    levels = 1
    while !isCell, shapes["weight_ih_l\(levels)"] != nil { levels += 1 }

    switch (recurrent[0].quotientAndRemainder(dividingBy: cellSize), projection) {
    case ((4, 0), .some(let shape)) where shape == [hidden, cellSize]: cell = .projectedLSTM
    case ((4, 0), nil): cell = .lstm
    case ((3, 0), nil): cell = .gru
    case ((1, 0), nil): cell = .rnn
    default: return nil
    }

    // Every level and direction has the same arrays, and there are no others.
    var expected: [String: [Int]] = [:]
    let hasBias = shapes["bias_ih" + first] != nil
    for level in 0..<levels {
      let width = level == 0 ? inputs : hidden * (isBidirectional ? 2 : 1)
      for direction in isBidirectional ? ["", "_reverse"] : [""] {
        let suffix = isCell ? "" : "_l\(level)\(direction)"
        expected["weight_ih" + suffix] = [recurrent[0], width]
        expected["weight_hh" + suffix] = recurrent
        if hasBias { expected["bias_ih" + suffix] = [recurrent[0]] }
        if hasBias { expected["bias_hh" + suffix] = [recurrent[0]] }
        expected["weight_hr" + suffix] = projection
      }
    }
    guard shapes == expected else { return nil }
  }
}
