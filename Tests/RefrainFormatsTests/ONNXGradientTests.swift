import Refrain
import RefrainData
import Testing

@testable import RefrainFormats

@Suite struct `Gradients through ONNX operators` {
  /// Where a step to either side of the values of the test meets a kink or a jump, or the values lie where the function
  /// has no derivative.
  private static let withoutDerivative = Set(
    [
      "acosh_example", "elu_example", "elu_example_expanded_ver18", "floor_example", "hardmax_one_hot",
      "leakyrelu_example",
      "leakyrelu_example_expanded", "maxpool_3d_dilations", "maxpool_3d_dilations_use_ref_impl", "onehot_with_axis",
      "onehot_negative_indices", "onehot_out_of_range_indices", "onehot_with_negative_axis", "pow",
      "range_float_type_positive_delta", "reduce_min_default_axes_keepdims_example", "round", "selu_example",
      "selu_example_expanded_ver18", "sign", "thresholdedrelu_example", "thresholdedrelu_example_expanded_ver18",
      // Of large numbers, whose differences are lost.
      "logsoftmax_large_number", "logsoftmax_large_number_expanded", "logsoftmax_large_number_expanded_ver18",
      // No gradient goes to bounds.
      "clip", "clip_example", "clip_outbounds", "clip_splitbounds", "clip_min_greater_than_max", "clip_default_min",
      "clip_default_max",
    ].map { "test_" + $0 })

  @Test func `agree with central differences along a direction`() throws {
    var compared = 0
    var faults: [String] = []
    for item in try ["nodes", "nodes_recurrent", "recurrent", "nodes_scan", "scan"].flatMap({ try ONNXCase.load($0) }) {
      guard !Self.withoutDerivative.contains(item.name), let fault = try compare(item) else { continue }
      compared += 1
      if !fault.isEmpty { faults.append("\(item.name): \(fault)") }
    }
    #expect(compared > 300)
    #expect(faults.isEmpty, "\(faults.count) of \(compared):\n\(faults.joined(separator: "\n"))")
  }

  /// What is wrong with the gradient of a weighed sum of the outputs by the inputs of floats; empty when nothing is,
  /// nil where there is no such gradient.
  private func compare(_ item: ONNXCase) throws -> String? {
    func isFloat(_ array: NumericArray) -> Bool {
      (array.type == .float32 || array.type == .float64) && array.values.count > 0
        && array.values.floats.allSatisfy(\.isFinite)
    }
    guard let names = item.inputs.filter({ isFloat($1) }).keys.sorted() as [String]?, !names.isEmpty,
      item.inputs.values.allSatisfy({ $0.values.count > 0 }), item.outputs.values.allSatisfy(isFloat)
    else { return nil }
    let model = try ONNXModel(bytes: item.model)
    let constants = item.inputs.filter { !names.contains($0.key) }.mapValues {
      Tensor($0.values.floats, shape: $0.shape)
    }
    func value(_ tensors: [Tensor]) throws(DataError) -> Tensor {
      var inputs = constants
      for (name, tensor) in zip(names, tensors) { inputs[name] = tensor }
      let outputs = try model(inputs)
      return outputs.keys.sorted().enumerated().reduce(Tensor(0)) { sum, part in
        guard let output = outputs[part.element] else { return sum }
        return sum + (output * ramp(output.shape, Float(part.offset))).sum()
      }
    }
    let point = names.compactMap { name in item.inputs[name].map { Tensor($0.values.floats, shape: $0.shape) } }
    let gradient = try valueAndGradient(at: point, training: false) { (tensors) throws(DataError) in try value(tensors)
    }
    .gradient
    let direction = point.enumerated().map { ramp($1.shape, 3 + Float($0)) }
    let slope = zip(gradient, direction).reduce(Float(0)) { $0 + ($1.0 * $1.1).sum().item }
    func moved(_ step: Float) throws(DataError) -> Float {
      try value(zip(point, direction).map { $0 + $1 * step }).item
    }
    let size = zip(gradient, direction).reduce(Float(0)) { $0 + abs($1.0 * $1.1).sum().item }
    // A few steps: near a kink the smaller one is right, and a small one is lost in the rounding of large sums.
    for step in [0.01, 0.003, 0.001] as [Float] {
      let difference = (try moved(step) - moved(-step)) / (2 * step)
      if (difference - slope).magnitude <= 0.01 * size + 0.01 { return "" }
    }
    return "the slope is \(slope), and differences give \((try moved(0.003) - moved(-0.003)) / 0.006)"
  }

  /// Numbers of both signs, all different.
  private func ramp(_ shape: [Int], _ phase: Float) -> Tensor {
    let count = shape.reduce(1, *)
    return Tensor((0..<count).map { 0.3 + 0.7 * Float(($0 * 7 + 3 * Int(phase)) % 11 - 5) / 5 }, shape: shape)
  }
}
