import RefrainTestSupport
import Testing

@testable import Refrain

/// Every operation in the fixture `layers`, value and gradient: PyTorch's numbers.
@Suite("Tensor operations agree with PyTorch")
struct TensorFixtureTests {
  /// One operation of the fixture: its operands in order, and how Refrain computes it.
  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var operands = ["x"]
    var tolerance = Tolerance.parity
    var compute: @Sendable ([Tensor], Fixture) throws -> Tensor

    var testDescription: String { name }

    static func one(_ name: String, _ compute: @escaping @Sendable (Tensor) -> Tensor) -> Case {
      Case(name: name) { operands, _ in compute(operands[0]) }
    }
    static func two(_ name: String, _ compute: @escaping @Sendable (Tensor, Tensor) -> Tensor) -> Case {
      Case(name: name, operands: ["x", "y"]) { operands, _ in compute(operands[0], operands[1]) }
    }
    static func activation(_ name: String, _ compute: @escaping @Sendable (Tensor) -> Tensor) -> Case {
      Case(name: name, tolerance: .elementwise) { operands, _ in compute(operands[0]) }
    }
  }

  static let layers: [Case] = [
    Case(name: "linear", operands: ["x", "weight", "bias"]) { operands, _ in
      operands[0].linear(weight: operands[1], bias: operands[2])
    },
    Case(name: "embedding", operands: ["weight"]) { operands, fixture in
      var layer = Embedding(7, 3)
      layer.weight = operands[0]
      return layer(try fixture("indices"))
    },
    Case(name: "layer_norm", operands: ["x", "weight", "bias"]) { operands, _ in layerNorm(operands) },
    Case(name: "layer_norm_tight", operands: ["x", "weight", "bias"]) { operands, _ in layerNorm(operands) },
  ]

  static let functions: [Case] = [
    .activation("tanh", tanh), .activation("sigmoid", sigmoid), .activation("silu", silu),
    .activation("softplus", softplus), .activation("relu", relu), .activation("gelu_tanh", gelu),
    .activation("gelu_exact", geluExact),
    .one("exp", exp), .one("log", log), .one("sqrt", sqrt),
    .one("softmax") { $0.softmax() }, .one("log_softmax") { $0.logSoftmax() },
  ]

  static let arithmetic: [Case] = {
    var cases: [Case] = [.two("maximum", maximum)]
    for shapes in ["rows", "columns"] {
      cases.append(.two("add_" + shapes) { $0 + $1 })
      cases.append(.two("subtract_" + shapes) { $0 - $1 })
    }
    for shapes in ["rows", "columns", "outer", "middle", "scalar"] {
      cases.append(.two("multiply_" + shapes) { $0 * $1 })
      cases.append(.two("divide_" + shapes) { $0 / $1 })
    }
    return cases
  }()

  static let products: [Case] = {
    var cases: [Case] = [.two("matmul_shared") { $0.matrixProduct($1) }]
    for batched in ["", "_batched"] {
      for (x, y) in [(false, false), (true, false), (false, true), (true, true)] {
        let name = "matmul" + batched + (x ? "_x_transposed" : "") + (y ? "_y_transposed" : "")
        cases.append(.two(name) { $0.matrixProduct($1, transposingSelf: x, transposingOther: y) })
      }
    }
    return cases
  }()

  static let reductions: [Case] = [
    .one("sum_all") { $0.sum() }, .one("sum_last") { $0.sum(axes: [-1]) }, .one("mean_middle") { $0.mean(axes: [1]) },
    .one("max_last") { $0.maximum(axis: -1) },
  ]

  static let arrangements: [Case] = [
    Case(name: "gather_rows") { operands, fixture in operands[0].gatheringRows(try fixture.integers("indices")) },
    Case(name: "gather_last") { operands, fixture in
      let indices = try fixture("indices")
      let width = operands[0].shape[1]
      let places = indices.values.enumerated().map { $0 / indices.shape[1] * width + Int($1) }
      return operands[0].reshaped([-1, 1]).gatheringRows(places).reshaped(indices.shape)
    },
    .one("slice_middle") { $0.slice(1..<3, axis: 1) },
    .one("slice_last_step") { $0.at(-1, axis: 1) },
    .two("concatenate_first") { concatenate([$0, $1], axis: 0) },
    Case(name: "concatenate_last", operands: ["x", "y", "z"]) { operands, _ in concatenate(operands, axis: -1) },
    .two("stack_middle") { stack([$0, $1], axis: 1) },
    .one("transpose") { $0.transposed },
    .one("permute_201") { $0.transposed([2, 0, 1]) },
    Case(name: "where", operands: ["x", "y"]) { operands, fixture in
      select(try fixture("condition"), operands[0], operands[1])
    },
    Case(name: "where_broadcast", operands: ["x", "y"]) { operands, fixture in
      select(try fixture("condition"), operands[0], operands[1])
    },
  ]

  static let all = layers + functions + arithmetic + products + reductions + arrangements

  private static func layerNorm(_ operands: [Tensor]) -> Tensor {
    var layer = LayerNorm(size: operands[1].count)
    (layer.weight, layer.bias) = (operands[1], operands[2])
    return layer(operands[0])
  }

  @Test("value and gradients", arguments: all)
  func operation(_ operation: Case) throws {
    let fixture = try Fixture("layers").under(operation.name)
    let operands = try operation.operands.map { try fixture($0) }
    let cotangent = try fixture("cotangent")
    let value = try operation.compute(operands, fixture)
    expectClose(value, try fixture("output"), "the output", within: operation.tolerance)

    let weights = cotangent.reshaped(value.shape)
    let gradient = try valueAndGradient(at: operands) { try (operation.compute($0, fixture) * weights).sum() }.gradient
    for (operand, found) in zip(operation.operands, gradient) {
      expectClose(
        found, try fixture("grad.\(operand)"), "the gradient by \(operand)", within: operation.tolerance)
    }
  }

  @Test("no operation of the fixture is left out")
  func complete() throws {
    let names = try Set(Fixture("layers").names.compactMap { $0.split(separator: ".").first.map(String.init) })
    #expect(names == Set(Self.all.map(\.name)))
  }
}
