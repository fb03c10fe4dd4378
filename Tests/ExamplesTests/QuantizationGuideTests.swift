// The Swift of Guides/Quantization.md, so that it compiles and does what the text says.
import Refrain
import RefrainData
import RefrainTestSupport
import Testing

@Suite("The code of the guide to quantization runs")
struct QuantizationGuideTests {
  @Test("save a model with weights of bytes") func save() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/small.safetensors"
      let model = Sequential(inputSize: 32, seed: 1) {
        LSTM(64)
        Dense(4)
      }
      let small = model.quantized()
      try small.save(to: path)
      let loaded = try Sequential(contentsOf: path)
      let x = ramp([2, 5, 32], 0.3)
      expectSameBits(loaded(x), small(x))
      expectClose(loaded(x), model(x), within: Tolerance(relative: 0.03, absolute: 1e-3))
      try model.save(to: folder + "/large.safetensors")
      let sizes = try ["large", "small"].map { try readBytes(folder + "/\($0).safetensors") }
      #expect(sizes[0] > 3 * sizes[1])
    }
  }

  private func readBytes(_ path: String) throws -> Int { try SafeTensorsFile(contentsOf: path).bytes().count }
}
