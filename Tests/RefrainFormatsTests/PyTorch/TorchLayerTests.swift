import Foundation
import Refrain
import RefrainData
import RefrainFormats
import RefrainTestSupport
import Testing

/// Weights saved by PyTorch, and what PyTorch computes with them.
@Suite struct `PyTorch's layers` {
  @Test(arguments: TorchCase.recurrent)
  func `compute the same at every step of ragged sequences`(_ test: TorchCase) throws {
    let model = try test.model(.everyStep).model
    expectClose(try model(test.number("input"), lengths: TorchCase.lengths), try test.number("outputs"), within: .torch)
  }

  @Test(arguments: TorchCase.recurrent)
  func `show the same at the last step of ragged sequences`(_ test: TorchCase) throws {
    let model = try test.model(.lastStep).model
    expectClose(try model(test.number("input"), lengths: TorchCase.lengths), try test.number("last"), within: .torch)
  }

  @Test(arguments: TorchCase.stepwise)
  func `compute the same for full sequences`(_ test: TorchCase) throws {
    let model = try test.model(.everyStep).model
    expectClose(try model(test.number("input")), try test.number("outputs"), within: .torch)
  }

  @Test(arguments: TorchCase.convolutions)
  func `convolve full and ragged sequences alike`(_ test: TorchCase) throws {
    let model = try test.model().model
    let input = try test.number("input")
    expectClose(model(input), try test.number("full"), within: .torch)
    let outputs = model(input, lengths: TorchCase.lengths)
    expectClose(outputs, try test.number("outputs"), within: .torch)
    // Padding of whatever kind changes nothing.
    let noise = Tensor(repeating: .nan, shape: input.shape)
    let mask = Tensor((0..<15).map { $0 % 5 < TorchCase.lengths[$0 / 5] ? 1 : 0 }, shape: [3, 5, 1])
    #expect(model(select(mask, input, noise), lengths: TorchCase.lengths) == outputs)
  }

  @Test(arguments: TorchCase.models)
  func `make the same models`(_ test: TorchCase) throws {
    let model = try test.model(test.name == "tagger" ? .everyStep : .lastStep).model
    expectClose(try model(test.number("input"), lengths: TorchCase.lengths), try test.number("outputs"), within: .torch)
  }

  @Test(arguments: TorchCase.all)
  func `go back as they came`(_ test: TorchCase) throws {
    let (model, naming, cells) = try test.model(.everyStep)
    let written = try StateDictionary(model, naming: naming, cells: cells)
    let original = try test.weights()
    // Zeros where there was no bias, and nothing else is new.
    let added = Set(written.names).subtracting(original.names)
    #expect(added.allSatisfy { $0.contains("bias") } && Set(original.names).isSubset(of: written.names))
    if added.isEmpty { #expect(written.names == original.names) }
    if !test.name.contains("no_bias"), !["rnn_cell", "regressor", "conv_causal_stride"].contains(test.name) {
      #expect(added.isEmpty)
    }
    for entry in written.entries where added.contains(entry.name) {
      #expect(entry.array.values.floats.allSatisfy { $0 == 0 })
    }
    for entry in original.entries where !entry.name.contains("bias") {
      #expect(written[entry.name]?.values == entry.array.values, "\(entry.name)")
    }

    // Read again, from both formats, it is the same model to the bit.
    #expect(try StateDictionary(bytes: written.torchBytes()) == written)
    #expect(try StateDictionary(bytes: written.safeTensorsBytes()) == written)
    var copy = model.mapTensors { .zeros($0.shape) }
    try copy.load(written, naming: naming)
    #expect(copy.tensors == model.tensors)

    // For check_written.py, which loads them into PyTorch.
    if let folder = ProcessInfo.processInfo.environment["REFRAIN_WRITE"] {
      try written.write(to: "\(folder)/\(test.name).pt")
      try written.write(to: "\(folder)/\(test.name).safetensors")
    }
  }

  @Test func `have two biases, of which an LSTM takes the sum and a GRU keeps a part`() throws {
    func floats(_ weights: StateDictionary, _ name: String) throws -> [Float] {
      try #require(weights[name]).values.floats
    }
    let lstm = try TorchCase(name: "lstm").weights()
    var layer = LSTM(inputSize: 3, hiddenSize: 4)
    try layer.load(lstm)
    let sums = zip(try floats(lstm, "bias_ih_l0"), try floats(lstm, "bias_hh_l0")).map { $0 + $1 }
    #expect(layer.cell.bias.values == sums)
    let back = try StateDictionary(layer)
    #expect(try floats(back, "bias_ih_l0") == sums && floats(back, "bias_hh_l0") == Array(repeating: 0, count: 16))

    let gru = try TorchCase(name: "gru").weights()
    var other = GRU(inputSize: 3, hiddenSize: 4)
    try other.load(gru)
    let second = try floats(gru, "bias_hh_l0")
    #expect(other.cell.biasHidden.values == Array(second[8...]))
    #expect(other.cell.bias.values[8...] == (try floats(gru, "bias_ih_l0"))[8...])
    #expect(try floats(StateDictionary(other), "bias_hh_l0") == Array(repeating: 0, count: 8) + second[8...])
  }
}
