import Refrain
import RefrainData
import RefrainTestSupport
import Testing

@testable import RefrainFormats

/// Whole models of PyTorch's, in every form that it has for them: `Tests/Fixtures/pytorch/make_whole.py`.
@Suite struct `A whole PyTorch model` {
  private func tensor(_ name: String) throws -> Tensor {
    let numbers = try SafeTensorsFile(bytes: fixture("pytorch/whole.safetensors"))
    let array = try #require(numbers[name]).array
    return Tensor(array.values.floats, shape: array.shape)
  }

  private func difference(_ file: String, _ numbers: String, _ assumptions: StateAssumptions) throws -> Float {
    let model = try torchFixture(file).inferredModel(assumptions).model
    let (found, expected) = (model(try tensor(numbers + ".input")), try tensor(numbers + ".output"))
    guard found.shape == expected.shape else { return .infinity }
    return zip(found.values, expected.values).map { abs($0 - $1) }.max() ?? .infinity
  }

  @Test(arguments: ["whole_tagger.pt", "whole_tagger_old.pt", "whole_tagger_script.pt"])
  func `says what stands in a Sequential, and is what PyTorch computes`(file: String) throws {
    #expect(try difference(file, "tagger", StateAssumptions()) <= 1e-5)
    let state = try torchFixture(file)
    let kinds = state.modules.map(\.kind)
    for kind in ["Tagger", "LSTM", "Sequential", "ReLU", "BatchNorm1d", "LeakyReLU"] {
      #expect(kinds.contains(kind), "\(kind)")
    }
  }

  @Test func `says of a layer what its class was given`() throws {
    let lstm = try #require(try torchFixture("whole_tagger.pt").modules.first { $0.kind == "LSTM" })
    #expect(lstm.name == "lstm" && lstm.flag("batch_first") == true && lstm.number("num_layers") == 2)
    #expect(lstm.number("dropout") == 0.1)
  }

  @Test func `asks where functions are applied that no Sequential holds, and takes the answer`() throws {
    let answers = ["fc1": ActivationFunction(.relu)]
    for file in ["whole_loose.pt", "whole_loose_trace.pt", "whole_loose_state_old.pt"] {
      let open = try torchFixture(file).inferredModel().openQuestions
      #expect(open.contains { $0.hasPrefix("activations and dropout between 'fc1' and 'fc2'") }, "\(file)")
      // Only a pickled module says what function its nn.RNN has.
      let function: ElmanFunction? = file == "whole_loose.pt" ? nil : .relu
      let assumptions = StateAssumptions(function: function, activations: answers)
      #expect(try difference(file, "loose", assumptions) <= 1e-5, "\(file)")
      #expect(try difference(file, "loose", StateAssumptions(function: function)) > 1e-2)
    }
    let known = try torchFixture("whole_loose.pt").inferredModel().openQuestions
    #expect(known.contains { $0.hasPrefix("there is a ReLU 'relu'; where it is applied is not in the file") })
  }

  @Test func `with both directions asks which steps go on, and takes the answer`() throws {
    let open = try torchFixture("whole_both_checkpoint.pt").inferredModel().openQuestions
    #expect(open.contains { $0.hasPrefix("of 'lstm' the last step is each direction's own") })
    #expect(try difference("whole_both_checkpoint.pt", "both", StateAssumptions(last: .step)) <= 1e-5)
    #expect(try difference("whole_both_checkpoint.pt", "both", StateAssumptions(last: .both)) > 1e-3)
  }

  @Test func `takes no function for a layer that is not there`() throws {
    let state = try torchFixture("whole_loose.pt")
    let error = dataError { () throws(DataError) in
      _ = try state.inferredModel(StateAssumptions(activations: ["fc": ActivationFunction(.relu)]))
    }
    #expect(error?.description.contains("there is no layer 'fc' to put a function behind; choose among 'rnn'") == true)
  }

  @Test func `with tensors of types that cannot be read lists them and reads the others`() throws {
    let state = try torchFixture("whole_odd_types.pt")
    #expect(state["lstm.weight_ih_l0"] != nil && state["mask"] == nil && state["code"] == nil)
    #expect(state.unread.contains { $0.hasPrefix("mask of ") } && state.unread.contains { $0.hasPrefix("code of ") })
    #expect(try state.inferredModel().notes.contains { $0.contains("its type cannot be read: mask") })
  }

  @Test(arguments: ["whole_tagger.pt", "whole_tagger_old.pt", "whole_tagger_script.pt"])
  func `that is damaged is refused, and never stops the program`(file: String) throws {
    let bytes = try fixture("pytorch/" + file)
    var generator = RandomGenerator(seed: 3)
    for _ in 0..<300 {
      var damaged = bytes
      for _ in 0..<(1 + generator.integer(below: 3)) {
        damaged[generator.integer(below: damaged.count)] = UInt8(generator.integer(below: 256))
      }
      _ = try? StateDictionary(bytes: damaged).inferredModel()
      _ = try? StateDictionary(bytes: Array(bytes.prefix(generator.integer(below: bytes.count))))
    }
  }
}

@Suite struct `A file that is no model` {
  static let kinds: [(bytes: [UInt8], words: String)] = [
    ([], "the file is empty; copy or download it again"),
    (Array("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n".utf8), "a pointer of Git LFS"),
    ([0x1C, 0, 0, 0] + Array("TFL3".utf8) + [0, 0], "a model of TensorFlow Lite"),
    (Array("\n<!DOCTYPE html>\n<html>".utf8), "a web page, not a model"),
    ([0x89] + Array("PNG\r\n".utf8), "a picture (PNG)"),
    (Array("%PDF-1.7".utf8), "a document (PDF)"),
    ([0x1F, 0x8B, 8, 0], "compressed with gzip"),
    (Array("date,value\n2024-01-01,3\n2024-01-02,4\n".utf8), "text, such as a table"),
    (Array("{\"class_name\": \"Sequential\", \"config\": {}}".utf8), "a Keras model's description without its weights"),
  ]

  @Test(arguments: kinds.indices) func `is named for what it is`(index: Int) throws {
    let error = try #require(throws: DataError.self) { try formatName(Self.kinds[index].bytes) }
    #expect(error.code == .wrongFormat && error.description.contains(Self.kinds[index].words), "\(error)")
  }
}
