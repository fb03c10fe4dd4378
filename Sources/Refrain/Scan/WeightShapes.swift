// The shapes of a cell's tensors are checked where a scan or a step of a stream begins: the tensors are public, and the
// kernels read memory by the cell's sizes.

import Synchronization

extension RecurrentCell {
  /// A cell with ready weights.
  ///
  /// - Parameters:
  ///   - inputSize: **I**.
  ///   - hiddenSize: **H**.
  ///   - options: the settings besides the sizes.
  ///   - weights: every tensor by its name in the walk, such as `weight_ih`. Names or shapes that are not the cell's
  ///     stop the program with a message that has both.
  public init(inputSize: Int, hiddenSize: Int, options: Options = Options(), weights: [String: Tensor]) {
    self = Self.template(inputSize: inputSize, hiddenSize: hiddenSize, options: options)
    let names = namedTensors.map(\.name)
    require(
      weights.count == names.count && names.allSatisfy { weights[$0] != nil },
      "\(Self.name): the weights given are \(weights.keys.sorted()), expected \(names)")
    forEachTensor { name, tensor in if let given = weights[name] { tensor = given } }
    let fault = weightsFault(inputSize: inputSize, hiddenSize: hiddenSize, options: options)
    require(fault == nil, fault ?? "")
  }

  /// Stops where a tensor does not have the shape that follows from the cell's sizes and options.
  @_semantics("optimize.sil.specialize.generic.never")
  func checkWeights() {
    let fault = weightsFault
    require(fault == nil, fault ?? "")
  }

  /// The tensors whose shapes do not follow from the cell's sizes and options, with what they should be, in one line;
  /// nil when all are right.
  var weightsFault: String? { weightsFault(inputSize: inputSize, hiddenSize: hiddenSize, options: options) }

  /// The tensors whose shapes are not those of a cell of these sizes, with what they should be, in one line; nil when
  /// all are right.
  @_semantics("optimize.sil.specialize.generic.never")
  private func weightsFault(inputSize: Int, hiddenSize: Int, options: Options) -> String? {
    do throws(LayerError) {
      try Self.check(inputSize: inputSize, hiddenSize: hiddenSize, options: options)
    } catch {
      // What the sizes should be cannot be known where they follow from the very tensor that is wrong.
      let shapes = namedTensors.map { "\($0.name) \($0.tensor.shape)" }.joined(separator: ", ")
      return "\(Self.name): the tensors \(shapes) are those of no cell: \(error.description)"
    }
    let expected = Self.weightShapes(inputSize: inputSize, hiddenSize: hiddenSize, options: options)
    let found = namedTensors
    let wrong = zip(found, expected).filter { $0.tensor.shape != $1 }
    guard !wrong.isEmpty || found.count != expected.count else { return nil }
    let faults = wrong.map { "\($0.name) has shape \($0.tensor.shape), expected \($1)" }
    let count = found.count == expected.count ? [] : ["\(found.count) tensors, expected \(expected.count)"]
    return "\(Self.name) of input size \(inputSize) and hidden size \(hiddenSize): "
      + (faults + count).joined(separator: "; ")
  }

  /// Stops where weights, input or state do not fit a scan.
  @_semantics("optimize.sil.specialize.generic.never")
  func checkScan(_ input: Tensor, from state: State, along schedule: Schedule) {
    checkWeights()
    checkArguments(input, from: state, along: schedule)
  }

  /// Stops where input or state do not fit a scan.
  @_semantics("optimize.sil.specialize.generic.never")
  func checkArguments(_ input: Tensor, from state: State, along schedule: Schedule) {
    require(
      input.shape == schedule.shape + [inputSize],
      "\(Self.name): the input has shape \(input.shape), expected \(schedule.shape + [inputSize])")
    checkState(state, rows: schedule.rows)
  }

  /// Stops where input or state do not fit a step.
  func checkStep(_ input: Tensor, from state: State) {
    require(
      input.rank == 2 && input.shape[1] == inputSize,
      "\(Self.name): the input has shape \(input.shape), expected [B, \(inputSize)]")
    checkState(state, rows: input.shape[0])
  }

  private func checkState(_ state: State, rows: Int) {
    let row = initialState(batch: 1)
    for (found, expected) in zip(state.namedTensors, row.tensors) {
      let shape = [rows] + expected.shape.dropFirst()
      require(
        found.tensor.shape == shape,
        "\(Self.name): \(found.name) of the state has shape \(found.tensor.shape), expected \(shape)")
    }
  }

  /// The shapes of the tensors of a cell, in the order of its walk.
  @_semantics("optimize.sil.specialize.generic.never")
  private static func weightShapes(inputSize: Int, hiddenSize: Int, options: Options) -> [[Int]] {
    let key = WeightShapesKey(
      cell: ObjectIdentifier(Self.self), inputSize: inputSize, hiddenSize: hiddenSize, options: "\(options)")
    if let known = knownShapes.withLock({ $0[key] }) { return known }
    let shapes = template(inputSize: inputSize, hiddenSize: hiddenSize, options: options).tensors.map(\.shape)
    knownShapes.withLock { $0[key] = shapes }
    return shapes
  }

  /// A cell whose weights are of no interest, only their shapes.
  @_semantics("optimize.sil.specialize.generic.never")
  private static func template(inputSize: Int, hiddenSize: Int, options: Options) -> Self {
    var generator = RandomGenerator(seed: 0)
    return Initializer.$drawsNothing.withValue(true) {
      Recording.run(nil) {
        Self(inputSize: inputSize, hiddenSize: hiddenSize, options: options, using: &generator)
      }
    }
  }
}

private struct WeightShapesKey: Hashable {
  let cell: ObjectIdentifier
  let inputSize: Int
  let hiddenSize: Int
  let options: String
}

private let knownShapes = Mutex<[WeightShapesKey: [[Int]]]>([:])

extension Tensor {
  /// The extent along an axis; 0 where there is no such axis, as in weights of a wrong rank, which the check of the
  /// shapes then names.
  func extent(_ axis: Int) -> Int { axis < rank ? shape[axis] : 0 }

  /// Whether this is a matrix of so many rows and columns.
  func isMatrix(_ rows: Int, _ columns: Int) -> Bool { rank == 2 && shape[0] == rows && shape[1] == columns }

  /// Whether this is a vector of so many values.
  func isVector(_ count: Int) -> Bool { rank == 1 && shape[0] == count }
}
