import Foundation
import Refrain
import RefrainData
import RefrainFormats
import RefrainTestSupport
import Testing

/// A model to export, with inputs and what Refrain makes of them.
struct ExportCase: CustomTestStringConvertible, Sendable {
  var name: String
  var model: Sequential
  var options = ONNXExportOptions(lengths: true, states: true)

  var testDescription: String { name }

  /// Inputs of a run, or its outputs, under the names of the exported file's ports.
  typealias Values = [String: Tensor]

  static let batch = 4
  static let time = 6
  /// The valid steps of each sequence: all, ragged, with empty sequences, and empty ones alone.
  static let lengths = [[6, 6, 6, 6], [6, 3, 1, 5], [0, 6, 2, 0], [0, 0, 0, 0]]

  /// A model whose weights are all different, biases and peepholes too; variances are positive.
  init(
    _ name: String, _ model: Sequential, _ options: ONNXExportOptions = ONNXExportOptions(lengths: true, states: true)
  ) {
    self.name = name
    var phase = 0.3
    var model = model
    model.forEachTensor { name, tensor in
      phase += 0.61
      let values = ramp(tensor.shape, phase, scale: 0.7)
      tensor = name.hasSuffix("running_var") ? values.squared + 0.1 : values
    }
    self.model = model
    self.options = options
  }

  var isRagged: Bool { options.lengths && model.configuration.inputShape.count + (takesTokens ? 1 : 0) >= 3 }
  var takesTokens: Bool { model.configuration.inputShape.count == 2 && model.configuration.inputShape[1] == nil }

  /// Every run of the model: what goes in, and what Refrain computes from it.
  func runs() -> [ExportRun] {
    (isRagged ? Self.lengths : [Self.lengths[0]]).enumerated().map { index, lengths in
      run(isRagged ? lengths : nil, phase: Double(index))
    }
  }

  private func run(_ lengths: [Int]?, phase: Double) -> ExportRun {
    let shape = model.configuration.inputShape.enumerated().map { $1 ?? ($0 == 0 ? Self.batch : Self.time) }
    let tokens = (0..<shape.reduce(1, *)).map { place in (place * 7 + 3) % 5 }
    let input = takesTokens ? Tensor(tokens, shape: shape) : values(shape, phase)
    var inputs: Values = ["input": input]
    if let lengths { inputs["lengths"] = Tensor(lengths) }
    guard options.states else {
      return ExportRun(lengths: lengths, inputs: inputs, outputs: ["output": model(input, lengths: lengths)])
    }
    var next = phase
    var memory = model.initialMemory(batch: Self.batch).mapTensors { tensor in
      next += 0.37
      return ramp(tensor.shape, next, scale: 0.8)
    }
    let before = memory.tensors
    inputs.merge(states(memory, "initial.")) { $1 }
    let output = model(input, steps: Steps(lengths: lengths), memory: &memory)
    return ExportRun(
      lengths: lengths, inputs: inputs, outputs: states(memory, "final.").merging(["output": output]) { $1 },
      statesBefore: before, statesAfter: memory.tensors)
  }

  /// Numbers, and where the model begins with a ``Masking`` steps that are not there: at the end, and in between where
  /// all layers know gaps.
  private func values(_ shape: [Int], _ phase: Double) -> Tensor {
    let numbers = ramp(shape, phase)
    guard let masking = model.layers.first as? Masking else { return numbers }
    let knowsGaps = !model.layers.contains { $0 is Conv1D }
    let absent = (0..<shape[0] * shape[1]).map { place in
      let (sequence, step) = (place / shape[1], place % shape[1])
      return knowsGaps ? place * 7 % 5 < 2 : step >= 2 + sequence
    }
    let condition = Tensor(absent.map { $0 ? 1 : 0 }, shape: [shape[0], shape[1], 1])
    return select(condition, Tensor(masking.configuration.value), numbers)
  }

  /// The states of all layers as the exported file has them, `[D, B, H]`.
  private func states(_ memory: Sequential.Memory, _ prefix: String) -> Values {
    var rows: [String: [Tensor]] = [:]
    for (name, tensor) in memory.namedTensors {
      // Such as 0.hidden, 0.forward.cell, 0.1.hidden of a stack's level 1, 1.0.hidden of a model within the model.
      var parts = name.split(separator: ".").map(String.init)
      let state = parts.removeLast()
      let numbers = parts.compactMap { Int($0) }
      let layer = model.layers[numbers[0]]
      var path = numbers
      let level = "\(type(of: layer))".hasPrefix("Stacked") && numbers.count > 1 ? path.remove(at: 1) : 0
      let name = path.map(String.init).joined(separator: ".")
      rows["\(prefix)\(name).\(state)_l\(level)", default: []].append(tensor)
    }
    return rows.mapValues { stack($0) }
  }
}

/// What goes into a model once, and what Refrain makes of it, under the names of the exported file's ports.
struct ExportRun {
  var lengths: [Int]?
  var inputs: ExportCase.Values
  var outputs: ExportCase.Values
  /// The states of all layers one after another; none where the model is not asked for them.
  var statesBefore: [Tensor] = []
  var statesAfter: [Tensor] = []
}

extension Tolerance {
  /// For what an exported file computes: within 1e-5 of the greatest value, or of 1.
  static let exported = Tolerance(relative: 1e-5, absolute: 0, leastScale: 1, takesScalars: false)
}
