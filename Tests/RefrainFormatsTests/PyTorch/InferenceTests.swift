import Foundation
import Refrain
import RefrainData
import RefrainTestSupport
import Testing

@testable import RefrainFormats

@Suite struct `A model from weights alone` {
  private func inferred(
    _ shapes: [(String, [Int])], returning: Returning = .lastStep
  ) throws(DataError) -> InferredModel {
    try StateDictionary(
      shapes.map { name, shape in
        .init(name: name, array: NumericArray(Array(repeating: Float(0.5), count: shape.reduce(1, *)), shape: shape))
      }
    ).inferredModel(returning: returning)
  }

  private func lstm(_ name: String, _ inputs: Int, _ hidden: Int) -> [(String, [Int])] {
    [
      (name + ".weight_ih_l0", [4 * hidden, inputs]), (name + ".weight_hh_l0", [4 * hidden, hidden]),
      (name + ".bias_ih_l0", [4 * hidden]), (name + ".bias_hh_l0", [4 * hidden]),
    ]
  }

  private func kinds(_ model: InferredModel) -> [String] {
    model.model.layers.map { layer in
      func kind<L: Layer>(_ layer: L) -> String { L.kind }
      return kind(layer)
    }
  }

  @Test func `has the layers in the order of the file`() throws {
    let tagger = try TorchCase(name: "tagger").weights().inferredModel(returning: .everyStep)
    #expect(kinds(tagger) == ["embedding", "stacked-bidirectional-lstm", "layer-norm", "dense"])
    #expect(tagger.naming == ["0": "embedding", "1": "rnn", "2": "norm", "3": "fc"])
    let regressor = try TorchCase(name: "regressor").weights().inferredModel()
    #expect(kinds(regressor) == ["gru", "dense", "dense"] && regressor.naming["0"] == "encoder.gru")
    #expect(kinds(try inferred(lstm("a", 3, 4) + lstm("b", 4, 5))) == ["lstm", "lstm"])
    let pair = try inferred(lstm("a", 3, 4) + lstm("b", 4, 5)).model
    #expect((pair.layers[0] as? LSTM)?.returning == .everyStep && (pair.layers[1] as? LSTM)?.returning == .lastStep)
  }

  @Test func `takes a lone matrix for an embedding only where it can be one`() throws {
    #expect(
      kinds(try inferred([("words", [7, 3])].map { ($0.0 + ".weight", $0.1) } + lstm("rnn", 3, 4))) == [
        "embedding", "lstm",
      ])
    #expect(kinds(try inferred([("in.weight", [3, 7])] + lstm("rnn", 3, 4))) == ["dense", "lstm"])
    #expect(kinds(try inferred(lstm("rnn", 3, 4) + [("out.weight", [7, 4])])) == ["lstm", "dense"])
    let square = try inferred([("e.weight", [3, 3])] + lstm("rnn", 3, 4))
    #expect(kinds(square) == ["embedding", "lstm"])
    #expect(square.notes.contains("'e' may be an Embedding or a Linear without bias; taken as an Embedding"))
  }

  @Test func `says what the file does not`() throws {
    let listener = try TorchCase(name: "listener").weights().inferredModel()
    #expect(listener.notes.contains("the function of 'rnn' is taken as tanh"))
    #expect(listener.notes.contains("'conv' is taken to have stride 1, no padding, no dilation and one group"))
    #expect(listener.notes.contains { $0.hasPrefix("activations and dropout between 'rnn' and 'fc'") })
    let regressor = try TorchCase(name: "regressor").weights().inferredModel()
    #expect(regressor.notes.contains("'head.0' has no bias; it is taken as zero"))
    let tagger = try TorchCase(name: "tagger").weights().inferredModel()
    #expect(tagger.notes.contains { $0.hasPrefix("dropout between the levels of 'rnn'") })
    #expect(tagger.notes.contains("the epsilon of 'norm' is taken as 1e-5"))
    #expect(tagger.notes.contains { $0.hasPrefix("of 'rnn' the last step is each direction's own") })
  }

  @Test func `is refused with the reason where it cannot be known`() {
    func problem(_ shapes: [(String, [Int])], returning: Returning = .lastStep) -> String {
      dataError { () throws(DataError) in try inferred(shapes, returning: returning) }?.description ?? ""
    }
    #expect(
      problem(lstm("rnn", 3, 4) + [("fc.weight", [2, 5]), ("fc.bias", [2])])
        .hasPrefix("the module 'fc' takes 5 values a step, and 'rnn' before it gives 4"))
    #expect(
      problem(lstm("rnn", 3, 4) + [("conv.weight", [4, 2, 3]), ("conv.bias", [4])]).contains("groups is not supported"))
    #expect(
      problem(lstm("rnn", 3, 4) + [("conv.weight", [4, 4, 3]), ("conv.bias", [4])])
        .contains("the modules make no chain of layers: layer 1: conv-1d: the input has shape [B, 4]"))
    let tracked = ["weight", "bias", "running_mean"].map { ("norm." + $0, [4]) }
    #expect(
      problem(tracked).contains("'norm' is no layer that Refrain knows by its names: it has weight [4], bias [4]"))
    #expect(problem([("conv.weight", [4, 3, 3, 3])]).contains("is no layer that Refrain has"))
    #expect(problem([("x.weight_ih_l0", [8, 3]), ("x.weight_hh_l0", [8, 4])]).contains("no LSTM, GRU or RNN"))
    #expect(problem([("x.weight", [0, 3]), ("x.bias", [0])]).contains("is empty"))
    #expect(problem(lstm("rnn", 3, 4).dropLast()).contains("no LSTM, GRU or RNN"))
    #expect(problem([]).contains("there are no weights"))
  }

  @Test func `of a file of two says how one is taken`() throws {
    func part(_ name: String) -> [(String, [Int])] {
      lstm(name + ".lstm", 3, 4) + [(name + ".fc.weight", [2, 4]), (name + ".fc.bias", [2])]
    }
    let shapes = part("generator") + part("discriminator")
    let error = dataError { () throws(DataError) in try inferred(shapes) }
    #expect(error?.problem.hasPrefix("the module 'discriminator.lstm' takes 3 values a step") == true)
    #expect(error?.remedy == "take a part with --key generator or --key discriminator")
    let state = try StateDictionary(
      shapes.map { name, shape in
        .init(name: name, array: NumericArray(Array(repeating: Float(0.5), count: shape.reduce(1, *)), shape: shape))
      })
    let path = temporaryPath(".pt")
    defer { try? FileManager.default.removeItem(atPath: path) }
    try state.write(to: path)
    var information = ModelInformation(format: "PyTorch file")
    information.addState(try StateDictionary(contentsOf: path))
    let layers = information.facts.first { $0.name == "Layers" }?.value
    #expect(
      layers?.hasSuffix("; for run and convert take a part with --key generator or --key discriminator") == true)
    #expect(kinds(try StateDictionary(contentsOf: path, at: "generator").inferredModel()) == ["lstm", "dense"])
    // The layers of one model are no parts, and neither is what stands alone.
    let one = dataError { () throws(DataError) in
      try inferred(lstm("rnn", 3, 4) + [("fc.weight", [2, 5]), ("fc.bias", [2])])
    }
    #expect(one?.remedy?.contains("--key") == false)
    // What is below a key is named with it.
    let nested = dataError { () throws(DataError) in
      try state.inferredModel(StateAssumptions(key: "epoch.model"))
    }
    #expect(nested?.remedy == "take a part with --key epoch.model.generator or --key epoch.model.discriminator")
  }
}
