/// A rule that moves the tensors of a model against their gradient.
///
///     var optimizer = Adam(learningRate: 0.01)
///     let (loss, gradient) = valueAndGradient(at: model) { … }
///     optimizer.update(&model, along: gradient)
///
/// A new optimizer supplies the options, the names of what it remembers for each value (``moments``) and the rule for a
/// run of values (``update(_:)``). Matching parameters with gradients, memory, threads and sparse gradients are done
/// once, in ``update(_:along:)``. A copy of an optimizer goes its own way.
public protocol Optimizer: Sendable {
  /// How far a step goes.
  var learningRate: Float { get set }

  /// What the optimizer remembers; an empty state at first.
  var state: OptimizerState { get set }

  /// What is remembered for each value of a parameter, under PyTorch's names.
  var moments: [Moment] { get }

  /// Whether a value whose gradient is 0 stays as it is, with all that is remembered for it: then the rows of a table
  /// that a batch does not use cost nothing.
  var skipsZeroGradients: Bool { get }

  /// Changes a run of values in place. It is called for many runs, from several threads.
  func update(_ run: ParameterRun)
}

/// Something an optimizer remembers for each value of a parameter.
public struct Moment: Sendable {
  /// The name in saved files, such as `exp_avg`.
  public let name: String
  /// What it is at first.
  public let initialValue: Float

  /// A memory of the given name.
  public init(_ name: String, initialValue: Float = 0) {
    self.name = name
    self.initialValue = initialValue
  }
}

/// A run of values of one parameter in one step of an optimizer.
public struct ParameterRun {
  /// The number of values.
  public let count: Int
  /// The values, to be changed in place.
  public let parameter: UnsafeMutablePointer<Float>
  /// Their gradient.
  public let gradient: UnsafePointer<Float>
  /// The number of this step; the first is 1.
  public let step: Int
  fileprivate let memory: [UnsafeMutablePointer<Float>]
  fileprivate let offset: Int

  /// What is remembered for the values, in the order of ``Optimizer/moments``; to be changed in place.
  public func moment(_ index: Int) -> UnsafeMutablePointer<Float> { memory[index] + offset }
}

extension Optimizer {
  /// Stops where options are not what they can be: the mistake would show only as training that fails.
  ///
  /// - Parameters:
  ///   - notNegative: what must be a number of at least 0.
  ///   - shares: what must be at least 0 and below 1.
  static func check(notNegative: KeyValuePairs<String, Float>, shares: KeyValuePairs<String, Float> = [:]) {
    for (name, value) in notNegative {
      require(
        value >= 0 && value.isFinite, "\(Self.self): \(name) is \(value), and must be a number that is not negative")
    }
    for (name, value) in shares {
      require((0..<1).contains(value), "\(Self.self): \(name) is \(value), and must be at least 0 and below 1")
    }
  }

  public var moments: [Moment] { [] }
  public var skipsZeroGradients: Bool { false }

  /// Makes one step: changes the model in place, where nobody shares its memory.
  ///
  /// - Parameters:
  ///   - model: what is learned.
  ///   - gradient: from ``valueAndGradient(at:training:checkpointInterval:of:)``.
  public mutating func update<M: TensorGroup>(_ model: inout M, along gradient: M) {
    require(learningRate >= 0, "the learning rate is \(learningRate), and must not be negative")
    prepare(for: model)
    // The state is taken out while the rule reads the options from `self`, so that its memory is not shared.
    var state = state
    self.state = OptimizerState()
    defer { self.state = state }
    state.step += 1
    var gradients = gradient.tensors[...]
    var index = 0
    model.forEachTensor { name, parameter in
      guard let gradient = gradients.popFirst(), gradient.shape == parameter.shape else {
        fatalError("the gradient does not fit the model at \(name)")
      }
      let memory = state.moments[index].indices.map { moment in
        state.moments[index][moment].write { $0 }
      }
      parameter.write { move($0, along: gradient, memory: memory, step: state.step) }
      index += 1
    }
    withExtendedLifetime(state) {}
  }

  private func move(
    _ parameter: UnsafeMutablePointer<Float>, along gradient: Tensor, memory: [UnsafeMutablePointer<Float>], step: Int
  ) {
    func move(_ count: Int, at offset: Int, along gradient: UnsafePointer<Float>) {
      update(
        ParameterRun(
          count: count, parameter: parameter + offset, gradient: gradient, step: step, memory: memory, offset: offset))
    }
    if let rows = gradient.sparseRows {
      let (table, columns) = (gradient.shape[0], rows.values.shape[1])
      let grain = max(1, Tensor.elementGrain / max(columns, 1))
      rows.values.read { values in
        if skipsZeroGradients {
          return parallel(rows.indices.count, grain: grain) { part in
            for row in part { move(columns, at: rows.indices[row] * columns, along: values + row * columns) }
          }
        }
        // The other rows move too, along zeros: no gradient of the whole table is made.
        Tensor.zeros([columns]).read { zeros in
          parallel(table, grain: grain) { part in
            var next = rows.indices.firstIndex { $0 >= part.lowerBound } ?? rows.indices.count
            for row in part {
              let isUsed = next < rows.indices.count && rows.indices[next] == row
              move(columns, at: row * columns, along: isUsed ? values + next * columns : zeros)
              if isUsed { next += 1 }
            }
          }
        }
      }
    } else {
      gradient.read { values in
        parallel(gradient.count, grain: Tensor.elementGrain, multiple: 16) { part in
          move(part.count, at: part.lowerBound, along: values + part.lowerBound)
        }
      }
    }
  }

  /// Makes room for what is remembered of the model's tensors, unless there is already. ``update(_:along:)`` does it by
  /// itself; before a saved state is loaded it gives the state its shape.
  public mutating func prepare<M: TensorGroup>(for model: M) {
    guard state.moments.isEmpty else {
      return require(
        state.moments.count == model.tensors.count,
        "the optimizer has the state of \(state.moments.count) tensors, and the model has \(model.tensors.count)")
    }
    let moments = moments
    let parameters = model.namedTensors
    state.names = parameters.map { parameter in
      moments.map { parameter.name.isEmpty ? $0.name : parameter.name + "." + $0.name }
    }
    state.moments = parameters.map { parameter in
      moments.map { Tensor(repeating: $0.initialValue, shape: parameter.tensor.shape) }
    }
  }
}
