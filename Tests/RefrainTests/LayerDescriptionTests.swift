import Foundation
import RefrainTestSupport
import Testing

@testable import Refrain

@Suite("Layers as data")
struct LayerDescriptionTests {
  static let all: [String] = Layers.all.map { $0.kind }

  @Test("every kind has its own name, by which it is found")
  func kinds() throws {
    #expect(Set(Self.all).count == Layers.all.count)
    for kind in Self.all { #expect(try layerType(kind).kind == kind) }
    #expect(Layers.named("no such layer") == nil)
    #expect(Self.all.contains("stacked-bidirectional-gru-reset-before"))
    for cell in Cells.all { #expect(Self.all.contains(cell.name)) }
  }

  @Test("goes through JSON and back, and makes the same model with the same weights", arguments: all)
  func roundTrip(kind: String) throws {
    func check<L: Layer>(_ type: L.Type) throws {
      let layer = try described(type)
      let shape = describedInputShape(type)
      var generator = RandomGenerator(seed: 2)
      let built = layer.built(for: shape, using: &generator)
      let data = try JSONEncoder().encode(LayerDescription(built))
      let copy = try #require(try JSONDecoder().decode(LayerDescription.self, from: data).layer as? L)
      #expect(try copy.outputShape(for: shape) == built.outputShape(for: shape))
      let rebuilt = copy.built(for: shape, using: &generator)
      #expect(rebuilt.namedTensors.map(\.name) == built.namedTensors.map(\.name))
      #expect(rebuilt.tensors.map(\.shape) == built.tensors.map(\.shape))

      let loaded = rebuilt.replacingTensors(built.tensors)
      let input = type == Embedding.self ? Tensor([[1, 8], [0, 3]]) : ramp(shape.map { $0 ?? 3 })
      expectSameBits(loaded(input), built(input))
      #expect(
        try JSONEncoder.sorted.encode(LayerDescription(copy)) == JSONEncoder.sorted.encode(LayerDescription(built)))
    }
    try check(layerType(kind))
  }

  @Test("keeps every choice of a configuration")
  func configurations() throws {
    func copy<L: Layer>(_ layer: L) throws -> L.Configuration {
      let data = try JSONEncoder().encode(LayerDescription(layer))
      return try #require(try JSONDecoder().decode(LayerDescription.self, from: data).layer as? L).configuration
    }
    let recurrent = try copy(LSTM(7, returning: .everyStep, direction: .backward))
    #expect(recurrent.hiddenSize == 7 && recurrent.returning == .everyStep && recurrent.direction == .backward)
    let bidirectional = try copy(Bidirectional<GRUCell>(5, returning: .lastStep, merge: .average))
    #expect(bidirectional.merge == .average && bidirectional.returning == .lastStep)
    let stacked = try copy(Stacked<RNN>([3, 9], dropout: 0.25, returning: .everyStep))
    #expect(stacked.hiddenSizes == [3, 9] && stacked.dropout == 0.25 && stacked.returning == .everyStep)
    let options = try copy(DepthGatedLSTM(6, options: .init(levels: 3), initial: .learned))
    #expect(options.options.levels == 3 && options.initial == .learned)
    #expect(try copy(Stacked<RNN>([3, 3], connection: .highway, initial: .learned)).connection == .highway)
    #expect(try copy(Bidirectional<GRUCell>(5, returning: .lastStep, merge: .separate)).merge == .separate)
    #expect(try copy(AttentionPooling(size: 7)).size == 7 && copy(AttentionPooling()).size == nil)
    #expect(try copy(SLSTM(6, options: .init(heads: 2, forgetGate: .exponential))).options.heads == 2)
    #expect(try copy(SLSTM(6, options: .init(forgetGate: .exponential))).options.forgetGate == .exponential)
    #expect(try copy(PhasedLSTM(6, options: .init(longestPeriod: 7))).options.longestPeriod == 7)
    let convolution = try copy(
      DepthwiseLSTM(3, kernel: [2, 5], strides: [1, 2], padding: .valid, returning: .everyStep, direction: .backward))
    #expect(convolution.filters == 3 && convolution.kernel == [2, 5] && convolution.strides == [1, 2])
    #expect(convolution.padding == .valid && convolution.returning == .everyStep && convolution.direction == .backward)
    let line = try copy(Conv1D(3, kernel: 5, stride: 2, padding: .causal, activation: .relu))
    #expect(line.filters == 3 && line.kernel == 5 && line.stride == 2 && line.padding == .causal)
    #expect(line.activation == .relu)
    #expect(try copy(Dense(4, activation: .gelu)).activation == .gelu)
    #expect(try copy(Embedding(11, 3)).vocabulary == 11)
    #expect(try copy(Dropout(0.4)).rate == 0.4)
    #expect(try copy(Dropout(0.4, mask: .sequence)).mask == .sequence)
    #expect(try copy(Embedding(11, 3, dropout: 0.25)).dropout == 0.25)
    let penalty = try copy(ActivationPenalty(activation: 2, temporal: 3))
    #expect(penalty.activation == 2 && penalty.temporal == 3)
    #expect(try copy(LayerNorm(epsilon: 0.5)).epsilon == 0.5)
    #expect(try copy(Reshape([2, 5])).shape == [2, 5])
  }

  @Test("a model within a model comes back whole")
  func nested() throws {
    let model = Sequential(inputSize: 3, seed: 1) {
      LSTM(4, returning: .everyStep)
      Sequential(inputSize: 4) {
        if true { Dense(5, activation: .relu) }
        Stacked<Bidirectional<GRUCell>>([2, 3], dropout: 0.1)
      }
      Dense(1)
    }
    let data = try JSONEncoder().encode(LayerDescription(model))
    let described = try #require(try JSONDecoder().decode(LayerDescription.self, from: data).layer as? Sequential)
    #expect(described.inputShape == [nil, nil, 3])
    var generator = RandomGenerator(seed: 9)
    let copy = described.built(for: described.inputShape, using: &generator)
    #expect(copy.namedTensors.map(\.name) == model.namedTensors.map(\.name))
    #expect(copy.namedTensors.map(\.name).contains("1.1.weight_ih_l1_reverse"))
    let x = ramp([2, 4, 3])
    #expect(copy(x) != model(x))
    expectSameBits(copy.replacingTensors(model.tensors)(x), model(x))
    #expect(copy.summary.split(separator: "\n").count == model.summary.split(separator: "\n").count)
  }

  @Test("a description from before a setting was there takes its default")
  func olderFiles() throws {
    let lstm = #"{"kind": "lstm", "configuration": {"hiddenSize": 3, "returning": "lastStep", "direction": "forward"}}"#
    let layer = try JSONDecoder().decode(LayerDescription.self, from: Data(lstm.utf8)).layer
    #expect((layer as? LSTM)?.configuration.initial == .fixed)
    let stack = #"""
      {"kind": "stacked-gru", "configuration": {"hiddenSizes": [3, 2], "dropout": 0, "returning": "everyStep"}}
      """#
    let stacked = try JSONDecoder().decode(LayerDescription.self, from: Data(stack.utf8)).layer
    #expect((stacked as? Stacked<GRU>)?.configuration.connection == .direct)
  }

  @Test("an unknown kind, or a configuration that lacks something, is an error that says so")
  func errors() {
    func problem(_ json: String) -> String {
      do {
        _ = try JSONDecoder().decode(LayerDescription.self, from: Data(json.utf8))
        return ""
      } catch { return "\(error)" }
    }
    #expect(problem(#"{"kind": "transformer", "configuration": {}}"#).contains("no layer of the kind 'transformer'"))
    #expect(problem(#"{"kind": "dense", "configuration": {"outputSize": 3}}"#).contains("activation"))
    #expect(problem(#"{"kind": "dense", "configuration": {"outputSize": 3, "activation": "cube"}}"#).contains("cube"))
    #expect(problem(#"{"configuration": {}}"#).contains("kind"))
    let nested = #"{"kind": "sequential", "configuration": {"inputShape": [null, 3], "layers": [{"kind": "x"}]}}"#
    #expect(problem(nested).contains("no layer of the kind 'x'"))
  }
}

extension JSONEncoder {
  fileprivate static var sorted: JSONEncoder {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    return encoder
  }
}
